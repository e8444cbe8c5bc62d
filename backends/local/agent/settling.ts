import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactRef } from '../../../core/ports/artifacts.ts';
import type { JobIntent, JobProgress, JobReading } from '../../../core/ports/compute.ts';
import { fileChunks, storeContent } from '../content-store.ts';
import { writeWhole } from '../disk.ts';
import { endProcesses } from './ending.ts';
import { processesWith } from './identity.ts';
import { checkpointFolder, jobLogPath, RESULT_FILE } from './job-folder.ts';
import type { StopReason } from './job-folder.ts';
import { logTail, verdictOf } from './job-verdict.ts';
import { EXIT_FILE, readRecord } from './process-folder.ts';
import type { ChildRecord, ExitRecord } from './process-folder.ts';

/** Outputs that could not be stored so often, at pauses of 2 s, fail the job. */
const STORE_TRIES_MAX = 300;

export interface Settling {
  readonly intent: JobIntent;
  readonly child: ChildRecord | null;
  readonly stop: StopReason | null;
  readonly progress: JobProgress | null;
  readonly revision: number;
  /** Times that this was tried before. */
  readonly tries: number;
}

/**
 * The end of a job: ends what it left running, puts its outputs into the store, writes its terminal
 * reading down, and drops what is not needed any more. Repeating it changes nothing.
 *
 * @throws OrreryError DISK_FULL when outputs or result cannot be kept now
 */
export async function settleJob(
  home: string,
  folder: string,
  facts: Settling,
): Promise<JobReading> {
  const { intent, child, stop, progress, revision } = facts;
  endProcesses(processesWith('ORRERY_OUTPUT_DIR', join(folder, 'output')));
  const exit = readRecord<ExitRecord>(folder, EXIT_FILE);
  const { timeoutSeconds } = intent.spec;
  let { phase, reason } = verdictOf({ exit, stop, timeoutSeconds });
  let outputs: Readonly<Record<string, ArtifactRef>> = {};
  if (phase === 'succeeded') {
    const kept = await keepOutputs(home, folder, facts);
    if ('fault' in kept) {
      phase = 'failed';
      reason = kept.fault;
    } else outputs = kept.outputs;
  }
  const tail = phase === 'succeeded' ? '' : logTail(jobLogPath(folder));
  const endedAtMs = exit === null ? Date.now() : Date.parse(exit.endedAt);
  const reading: JobReading = {
    phase,
    revision,
    progress,
    exit: exit === null || exit.error !== null ? null : { code: exit.code, signal: exit.signal },
    billableSeconds:
      child === null ? 0 : Math.max(0, endedAtMs - Date.parse(child.startedAt)) / 1000,
    outputs,
    reason: tail === '' ? reason : `${reason}; the log ends with:\n${tail}`,
    logUri: jobLogPath(folder),
  };
  await writeWhole(join(folder, RESULT_FILE), JSON.stringify(reading));
  await rm(join(folder, 'input'), { recursive: true, force: true });
  if (phase === 'succeeded') await dropLeftovers(home, folder, intent);
  return reading;
}

async function keepOutputs(
  home: string,
  folder: string,
  { intent, tries }: Settling,
): Promise<{ outputs: Readonly<Record<string, ArtifactRef>> } | { fault: string }> {
  const outputs: Record<string, ArtifactRef> = {};
  for (const name of intent.spec.outputs) {
    const path = join(folder, 'output', name);
    const facts = await stat(path).catch(() => null);
    if (facts === null || !facts.isFile()) {
      return {
        fault: `JOB_OUTPUT_MISSING: exit code 0, but "${name}" is not in the output folder, wanted ${intent.spec.outputs.join(', ')}`,
      };
    }
    try {
      outputs[name] = await storeContent(home, fileChunks(path));
    } catch (error) {
      if (tries < STORE_TRIES_MAX) throw error;
      return { fault: `exit code 0, but "${name}" could not be stored: ${String(error)}` };
    }
  }
  return { outputs };
}

/** No attempt follows a success, so nobody resumes from the checkpoints any more. */
async function dropLeftovers(home: string, folder: string, { spec }: JobIntent): Promise<void> {
  await rm(join(folder, 'output'), { recursive: true, force: true });
  if (spec.checkpointScope === null) return;
  await rm(checkpointFolder(home, spec.checkpointScope), { recursive: true, force: true });
}
