import { jobIntent } from '../../core/training/job-key.ts';
import type { JobIntent, JobSpec } from '../../core/ports/compute.ts';
import type { World } from '../../backends/sim/world.ts';
import type { JobReading } from '../../core/ports/compute.ts';

/** A spec of one training step; attempts of it differ only in the key. */
export function trainSpec(changes: Partial<JobSpec> = {}): JobSpec {
  return {
    kind: 'train',
    command: ['train'],
    params: {},
    inputs: {},
    outputs: ['model.onnx'],
    checkpointScope: 'c1',
    resources: { cpus: 1, memoryMiB: 512 },
    timeoutSeconds: 600,
    graceSeconds: 10,
    labels: { model: 'fraud', version: 'v1', workflowId: 'training/fraud/v1' },
    ...changes,
  };
}

export function attemptOf(spec: JobSpec, attempt: number): JobIntent {
  const identity = { workflowId: spec.labels.workflowId, firstRunId: 'r1', step: 'train', attempt };
  return jobIntent(identity, spec);
}

/** Longest wait for the end of a job, virtual: more than any script here lets one run. */
const WAIT_MS = 24 * 3_600_000;

/** Runs one attempt to its end. */
export async function runToEnd(world: World, intent: JobIntent): Promise<JobReading> {
  const { compute } = world.ports;
  const { handle } = await compute.start(intent);
  let reading = await compute.read(handle);
  while (reading.phase === 'running') {
    reading = await compute.read(handle, { since: reading.revision, waitMs: WAIT_MS });
  }
  return reading;
}
