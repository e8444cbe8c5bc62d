import { sha256Hex } from '../../../core/canonical.ts';
import { backend } from '../../../backends/kubeflow/index.ts';
import type { OpenBackend } from '../../../core/backend.ts';
import type { Compute, JobHandle, JobReading } from '../../../core/ports/compute.ts';
import { openPorts } from '../../support/contract/harness.ts';
import type { ContractJob, Harness } from '../../support/contract/harness.ts';
import { openWorkplace } from './workplace.ts';

const MODEL = new TextEncoder().encode('weights');
const OUTPUTS = ['model.onnx'];
const MANIFEST = {
  outputs: {
    'model.onnx': { uri: 's3://models/m', sha256: sha256Hex(MODEL), bytes: MODEL.length },
  },
};

/** What KWOK plays in the place of the program: test/counterparts/kubernetes/stages.ts. */
export function played(...words: readonly string[]): ContractJob {
  return { command: ['/play', ...words], version: 'v1', outputs: OUTPUTS };
}

export const SUCCEEDS = played('exit', '0', '500ms', JSON.stringify(MANIFEST));
export const FAILS = played('exit', '3', '300ms', 'column "amount" is missing');
export const RUNS_LONG = played('run', '0s');

export function openKubeflow(
  kubeconfig: string,
  namespace: string,
  changes: {
    readonly nodes?: number;
    readonly timeoutMs?: number;
    readonly checkpointCommand?: readonly string[] | null;
  } = {},
): Promise<OpenBackend> {
  const runtime = { name: 'orrery', kind: 'TrainingRuntime', nodes: changes.nodes ?? 1 };
  return backend.open(
    backend.settings.parse({
      cluster: { kubeconfig, namespace, timeoutMs: changes.timeoutMs ?? 15_000 },
      trainer: {
        runtimes: { prepare: runtime, train: runtime, score: runtime },
        outputUri: 's3://models/orrery',
        ...(changes.checkpointCommand === undefined
          ? {}
          : { checkpointCommand: changes.checkpointCommand }),
      },
      prices: { usdPerCpuHour: 0.04, usdPerGibHour: 0.005, asOf: '2026-11-24', source: 'test' },
    }),
  );
}

/** Jobs by the real Trainer. */
export async function openTrainerHarness(): Promise<Harness> {
  const workplace = await openWorkplace();
  const opened = openPorts(await openKubeflow(workplace.kubeconfig, workplace.namespace));
  return {
    ...opened,
    job: { succeeds: SUCCEEDS, fails: FAILS, runsLong: RUNS_LONG },
    close: async () => {
      await opened.close();
      await workplace.close();
    },
  };
}

/** Longest wait for one change. */
export const WAIT_MS = 60_000;
const READINGS_MAX = 50;

/** Waits as a watcher does, by revisions, until a reading fits. */
export async function followJob(
  compute: Compute,
  handle: JobHandle,
  fits: (reading: JobReading) => boolean,
): Promise<JobReading> {
  let reading = await compute.read(handle);
  for (let count = 0; !fits(reading); count += 1) {
    if (count > READINGS_MAX) {
      throw new Error(`${handle.key} stays ${reading.phase}: ${reading.reason}`);
    }
    reading = await compute.read(handle, { since: reading.revision, waitMs: WAIT_MS });
  }
  return reading;
}
