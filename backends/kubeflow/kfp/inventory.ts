import type { RemoteWork } from '../../../core/ports/inventory.ts';
import { ANCHOR_PREFIX } from './anchors.ts';
import type { KfpApi } from './api.ts';
import { Marks, type MarkKind } from './marks.ts';
import { OURS, provenanceOf } from './provenance.ts';
import { runPhase, startedAt } from './reading.ts';
import type { KfpRun } from './replies.ts';

const NO_MARKS: ReadonlySet<MarkKind> = new Set();

/**
 * Every run of ours that KFP keeps, newest first: those that say so in their description, and those
 * under our recurring runs of which the API server lost the row and the persistence agent wrote another,
 * without description; their key and labels are empty.
 */
export async function listKfpRuns(api: KfpApi): Promise<readonly RemoteWork[]> {
  const marks = await new Marks(api).all();
  const described = await api.runs([
    { key: 'description', operation: 'IS_SUBSTRING', value: OURS },
  ]);
  const anchors = await api.recurringRuns([
    { key: 'display_name', operation: 'IS_SUBSTRING', value: ANCHOR_PREFIX },
  ]);
  const rescued: KfpRun[] = [];
  for (const { recurring_run_id: id } of anchors) {
    const runs = await api.runs([{ key: 'recurring_run_id', operation: 'EQUALS', value: id }]);
    rescued.push(...runs.filter(({ description }) => description === ''));
  }
  const works = [...described, ...rescued].map((run) =>
    workOf(run, marks.get(provenanceOf(run.description)?.key ?? '') ?? NO_MARKS),
  );
  return works.toSorted((a, b) => ((a.startedAt ?? '') < (b.startedAt ?? '') ? 1 : -1));
}

function workOf(run: KfpRun, marks: ReadonlySet<MarkKind>): RemoteWork {
  const provenance = provenanceOf(run.description);
  const started = startedAt(run);
  const ended = Date.parse(run.finished_at) || Date.now();
  return {
    port: 'pipeline',
    key: provenance?.key ?? '',
    remoteId: run.run_id,
    phase: runPhase(run, marks),
    labels: provenance?.labels ?? { model: '', version: '', workflowId: '' },
    startedAt: Number.isFinite(started) ? new Date(started).toISOString() : null,
    billableSeconds: Number.isFinite(started) ? Math.max(0, (ended - started) / 1000) : 0,
    costUsd: null,
  };
}
