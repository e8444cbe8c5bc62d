import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { bundleWorkflows } from '../../workers/bundle.ts';
import type { Command } from './command.ts';
import { issuedCommands } from './issued-commands.ts';
import { attributesOf } from './recorded-commands.ts';
import type { HistoryJson } from './recorded-commands.ts';

export const HISTORIES_FOLDER = dirname(fileURLToPath(import.meta.url));

/** A golden history. */
export interface Golden {
  /** `<workflow type>.<outcome>`. */
  readonly name: string;
  readonly history: HistoryJson;
  readonly workflowId: string;
  readonly runId: string;
}
export interface Replayed {
  /** What Temporal's own check found; null when the code follows the history. */
  readonly error: Error | null;
  readonly commands: readonly Command[];
}

export function goldenHistories(): Golden[] {
  const files = readdirSync(HISTORIES_FOLDER).filter((file) => file.endsWith('.json'));
  return files.toSorted().map((file) => {
    const history = JSON.parse(readFileSync(join(HISTORIES_FOLDER, file), 'utf8')) as HistoryJson;
    const [started] = history.events;
    if (started === undefined) throw new Error(`Cannot replay ${file}: it has no events`);
    const { workflowId, originalExecutionRunId } = attributesOf(started) as Record<string, string>;
    if (workflowId === undefined || originalExecutionRunId === undefined)
      throw new Error(`Cannot replay ${file}: its first event does not name the run`);
    return {
      name: file.slice(0, -'.json'.length),
      history,
      workflowId,
      runId: originalExecutionRunId,
    };
  });
}

/** Replays histories with the present code; by the id of the run, what the code did. */
export async function replayed(goldens: readonly Golden[]): Promise<Map<string, Replayed>> {
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => undefined),
    telemetryOptions: { logging: { filter: 'OFF' } },
  });
  const { code } = await bundleWorkflows([join(HISTORIES_FOLDER, 'capture-commands.ts')]);
  const issued = new Map<string, Record<string, unknown>[]>();
  const results = Worker.runReplayHistories(
    {
      workflowBundle: { code },
      sinks: {
        commands: {
          issued: {
            callDuringReplay: true,
            fn: ({ runId }, commands: string) => {
              issued.set(runId, [...(issued.get(runId) ?? []), ...JSON.parse(commands)]);
            },
          },
        },
      },
    },
    goldens.map(({ workflowId, history }) => ({ workflowId, history })),
  );
  const found = new Map<string, Replayed>();
  for await (const { runId, error } of results) {
    const commands = issuedCommands(issued.get(runId) ?? []);
    found.set(runId, { error: error ?? null, commands });
  }
  return found;
}
