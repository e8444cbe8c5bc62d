import { LABELS } from '../../core/labels.ts';
import type { Inventory, RemoteWork } from '../../core/ports/inventory.ts';
import { KIND_LABEL, workLabelsOf } from '../connections/google/labels.ts';
import { isTerminal } from '../connections/polling.ts';
import type { VertexApi } from './calls.ts';
import { phaseOfBoth } from './compute.ts';
import type { WorkKind } from './kinds.ts';
import { hourlyUsd } from './machines.ts';
import { millis, secondsBetween } from './messages.ts';
import type { CustomJob, CustomJobSpec, Timestamp, TuningJob } from './messages.ts';
import type { VertexSettings } from './settings.ts';
import { phaseOfState } from './states.ts';

const OURS = `labels.${LABELS.managed}="true"`;

interface Listed {
  name?: string | null;
  labels?: { [name: string]: string } | null;
  startTime?: Timestamp | null;
  endTime?: Timestamp | null;
  createTime?: Timestamp | null;
  state?: unknown;
}

/**
 * What carries our labels: runs, searches, and custom jobs of their own. A custom job inside a run is
 * told as its run; one whose run is gone or over while it still holds a machine is told by itself.
 */
export function createInventory(settings: VertexSettings, api: VertexApi): Inventory {
  return {
    async list() {
      const [runs, jobs, searches] = await Promise.all([
        api.pipelineJobs.list(OURS),
        api.customJobs.list(OURS),
        api.tuningJobs.list(OURS),
      ]);
      const inner = new Map(ofKind(jobs, 'wrapped-job').map((job) => [keyOf(job), job]));
      const runPhases = new Map(runs.map((run) => [keyOf(run), phaseOfState(run.state)]));
      const stray = [...inner.values()].filter((job) => {
        const run = runPhases.get(keyOf(job));
        return !isTerminal(phaseOfState(job.state)) && (run === undefined || isTerminal(run));
      });
      const found = [
        ...runs.map((run) => {
          const job = ofKind([run], 'job').length > 0 ? inner.get(keyOf(run)) : undefined;
          return runOf(settings, run, job);
        }),
        ...[...ofKind(jobs, 'job'), ...stray].map((job) => jobOf(settings, job)),
        ...searches.map((search) => searchOf(settings, search)),
      ];
      return found.toSorted((a, b) => b.at - a.at).map(({ work }) => work);
    },
  };
}

const keyOf = ({ labels }: Listed): string => labels?.[LABELS.key] ?? '';

function ofKind<Item extends Listed>(items: readonly Item[], kind: WorkKind): readonly Item[] {
  return items.filter(({ labels }) => labels?.[KIND_LABEL] === kind);
}

interface Dated {
  readonly at: number;
  readonly work: RemoteWork;
}

function runOf(settings: VertexSettings, run: Listed, job: CustomJob | undefined): Dated {
  const isJob = run.labels?.[KIND_LABEL] === 'job';
  const phase = phaseOfBoth(phaseOfState(run.state), job ? phaseOfState(job.state) : null);
  const held = job ?? (isJob ? null : run);
  const billableSeconds = held === null ? 0 : secondsBetween(held.startTime, held.endTime);
  return dated(run, {
    port: isJob ? 'compute' : 'pipeline',
    // Without a job inside, nothing says whether the run has begun to hold a machine.
    phase: isJob ? phase : phaseOfState(run.state),
    billableSeconds,
    costUsd: isJob ? costOf(settings, job?.jobSpec, billableSeconds) : null,
  });
}

function jobOf(settings: VertexSettings, job: CustomJob): Dated {
  const billableSeconds = secondsBetween(job.startTime, job.endTime);
  return dated(job, {
    port: 'compute',
    phase: phaseOfState(job.state),
    billableSeconds,
    costUsd: costOf(settings, job.jobSpec, billableSeconds),
  });
}

function searchOf(settings: VertexSettings, search: TuningJob): Dated {
  const billableSeconds = (search.trials ?? []).reduce(
    (sum, { startTime, endTime }) => sum + secondsBetween(startTime, endTime),
    0,
  );
  return dated(search, {
    port: 'tuning',
    phase: phaseOfState(search.state),
    billableSeconds,
    costUsd: costOf(settings, search.trialJobSpec, billableSeconds),
  });
}

function dated(
  item: Listed,
  told: Pick<RemoteWork, 'port' | 'phase' | 'billableSeconds' | 'costUsd'>,
): Dated {
  const startedAt = millis(item.startTime);
  const work: RemoteWork = {
    ...told,
    key: keyOf(item),
    remoteId: item.name ?? '',
    labels: workLabelsOf(item.labels),
    startedAt: startedAt === null ? null : new Date(startedAt).toISOString(),
  };
  return { at: millis(item.createTime) ?? 0, work };
}

/** By the price book of the settings; null for a machine that it does not have. */
function costOf(
  settings: VertexSettings,
  spec: CustomJobSpec | null | undefined,
  seconds: number,
): number | null {
  const type = spec?.workerPoolSpecs?.[0]?.machineSpec?.machineType;
  const machine = settings.machines.find(({ machineType }) => machineType === type);
  return machine === undefined ? null : (hourlyUsd(machine, settings) * seconds) / 3600;
}
