import { readFileSync } from 'node:fs';
import type { AgentClient } from '../backends/local/agent/client.ts';
import { isErrorCode, OrreryError } from '../core/errors.ts';

/** What a program of ours prints when it gives up: see report.ts. */
const LAST_WORDS = /^error ([A-Z_]+): (.+)$/gm;

/**
 * Throws what a service said when it ended, if one of them has.
 *
 * @throws OrreryError with the code that the service printed last, or INTERNAL with its log's path
 */
export async function throwIfEnded(agent: AgentClient, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { phase, logPath } = await agent.readService(name);
    if (phase !== 'exited') continue;
    const [, code, message] = [...logOf(logPath).matchAll(LAST_WORDS)].at(-1) ?? [];
    throw new OrreryError(
      isErrorCode(code) ? code : 'INTERNAL',
      message ?? `Cannot start ${name}: it ended at once; see ${logPath}`,
    );
  }
}

function logOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
