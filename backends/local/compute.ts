import { OrreryError } from '../../core/errors.ts';
import type { Compute } from '../../core/ports/compute.ts';
import type { AgentClient } from './agent/client.ts';
import type { LocalSettings } from './settings.ts';

/** Jobs as child processes of the host agent. A job's remote id is its key. */
export function createCompute(
  { programs }: Pick<LocalSettings, 'programs'>,
  agent: AgentClient,
): Compute {
  return {
    start: async (intent) => agent.startJob(intent, resolveCommand(intent.spec.command, programs)),
    read: ({ key }, wait) => agent.readJob(key, wait),
    requestCheckpoint: ({ key }) => agent.checkpointJob(key),
    stop: ({ key }) => agent.stopJob(key),
  };
}

/**
 * The command with its first word replaced by what the settings say; a path is taken as it is.
 *
 * @throws OrreryError TOOL_MISSING naming the known words
 */
export function resolveCommand(
  command: readonly string[],
  programs: LocalSettings['programs'],
): readonly string[] {
  const [first = '', ...rest] = command;
  if (first.includes('/')) return command;
  const prefix = Object.hasOwn(programs, first) ? programs[first] : undefined;
  if (prefix === undefined) {
    throw new OrreryError(
      'TOOL_MISSING',
      `Cannot run "${first}": the local backend knows no such program, wanted a path or one of ${Object.keys(programs).toSorted().join(', ') || '(none)'}`,
    );
  }
  return [...prefix, ...rest];
}
