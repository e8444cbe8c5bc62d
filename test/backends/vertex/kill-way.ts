import { workLabelsOf } from '../../../backends/connections/google/labels.ts';
import { LABELS } from '../../../core/labels.ts';
import type { FarWork, Soak } from '../../support/soak-runs.ts';
import { openVertex, pipelineSpec, ROOT_URI, settingsFor } from './opened.ts';
import type { Opened } from './opened.ts';
import { LIVE_STATES } from './double/life.ts';

/** Long enough to be killed over, short enough for hundreds of them. */
const PACE = { pendingMs: 300, runMs: 1200, cancelMs: 300, operationMs: 20 };
const TABLE = 'id,label\n1,0\n';

/** Workers that are killed while jobs run in pipeline runs of one step; the double's account is the witness. */
export async function openJobSoak(): Promise<Soak> {
  const opened = await openVertex({ pace: PACE });
  const data = await opened.ports.artifacts.put(Buffer.from(TABLE));
  const job = { command: ['train'], version: 'v1', outputs: [] };
  return soakOf(opened, { port: 'compute', job, data });
}

/** The same with runs of a pipeline of two steps. */
export async function openRunSoak(): Promise<Soak> {
  const opened = await openVertex({ pace: PACE });
  const spec = Buffer.from(JSON.stringify(pipelineSpec('succeeds')));
  opened.double.world.objects.set(`${ROOT_URI}/pipelines/succeeds.json`, spec);
  return soakOf(opened, { port: 'pipeline', run: { pipeline: 'succeeds', params: {} } });
}

function soakOf(opened: Opened, work: Soak['work']): Soak {
  return {
    backend: 'vertex',
    settings: settingsFor(opened.double, { pollSeconds: 0.1 }),
    work,
    ledger: async () => runsOf(opened),
    close: () => opened.close(),
  };
}

/** One entry for each run that was made; it is live while a job of it holds a machine. */
function runsOf({ double: { world } }: Opened): readonly FarWork[] {
  const now = world.now();
  return [...world.pipelineJobs.items.values()].map(({ labels, jobs }) => ({
    key: labels[LABELS.key] ?? '',
    workflowId: workLabelsOf(labels).workflowId,
    live: jobs.some(({ life }) => LIVE_STATES.includes(life.stateAt(now))),
  }));
}
