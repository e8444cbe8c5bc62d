import type { AgentClient } from '../backends/local/agent/client.ts';
import type { ServiceSpec } from '../backends/local/agent/protocol.ts';
import { OrreryError } from '../core/errors.ts';

/** A service that runs from another spec is drained and started anew. */
export async function startOrReplace(agent: AgentClient, spec: ServiceSpec): Promise<void> {
  try {
    await agent.startService(spec);
  } catch (error) {
    if (!(error instanceof OrreryError) || error.code !== 'NAME_TAKEN') throw error;
    await agent.stopService(spec.name);
    await agent.startService(spec);
  }
}
