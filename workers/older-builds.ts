import { existsSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import type { AgentClient } from '../backends/local/agent/client.ts';
import type { ServiceSpec } from '../backends/local/agent/protocol.ts';
import { DEPLOYMENT_NAME } from '../core/messages.ts';
import { bundlePath } from './bundle.ts';
import { startOrReplace } from './replace-service.ts';

export interface BuildsAtHome {
  readonly home: string;
  readonly namespace: string;
  /** The build that new runs start on. */
  readonly current: string;
  /** The services that work for a build, with the bundle of its workflows. */
  workersOf(buildId: string, codePath: string): readonly ServiceSpec[];
}

/** Name of the service that works on a queue for a build that is not the current one. */
export function olderWorkerName(queue: string, buildId: string): string {
  return `worker-${queue}.${buildId}`;
}

/**
 * A run stays on the build that it began on, so that build needs workers until its last run has
 * ended, however often the sources change and the machine restarts. They get the bundle that the
 * home has kept; activities are those of today, which have to take what older builds send.
 * Workers of builds without runs are ended.
 */
export async function serveOlderBuilds(
  agent: AgentClient,
  client: Client,
  { home, namespace, current, workersOf }: BuildsAtHome,
  tell: (line: string) => void,
): Promise<void> {
  const needed = new Set<string>();
  for (const buildId of await buildsBefore(client, namespace, current)) {
    const runs = await runsOf(client, buildId);
    if (runs === 0) continue;
    const codePath = bundlePath(home, buildId);
    if (!existsSync(codePath)) {
      tell(
        `${runs} ${runs === 1 ? 'run waits' : 'runs wait'} for workers of build ${buildId}, whose bundle is not in this home`,
      );
      continue;
    }
    const specs = workersOf(buildId, codePath);
    for (const { name } of specs) needed.add(name);
    await Promise.all(specs.map((spec) => startOrReplace(agent, spec)));
    tell(
      `workers of build ${buildId} stay for ${runs} ${runs === 1 ? 'run' : 'runs'} that began on it`,
    );
  }
  const { services } = await agent.list();
  const idle = services.filter(({ name }) => /^worker-\w+\./.test(name) && !needed.has(name));
  await Promise.all(idle.map(({ name }) => agent.stopService(name)));
}

async function buildsBefore(client: Client, namespace: string, current: string): Promise<string[]> {
  const { workerDeploymentInfo } = await client.workflowService.describeWorkerDeployment({
    namespace,
    deploymentName: DEPLOYMENT_NAME,
  });
  return (workerDeploymentInfo?.versionSummaries ?? [])
    .map(({ deploymentVersion }) => deploymentVersion?.buildId ?? '')
    .filter((buildId) => buildId !== '' && buildId !== current);
}

async function runsOf(client: Client, buildId: string): Promise<number> {
  const version = `${DEPLOYMENT_NAME}:${buildId}`;
  const { count } = await client.workflow.count(
    `ExecutionStatus = "Running" AND TemporalWorkerDeploymentVersion = "${version}"`,
  );
  return count;
}
