import { LABELS, specLabel } from '../../core/labels.ts';
import type { WorkLabels } from '../../core/labels.ts';
import type { PipelineIntent } from '../../core/ports/pipeline.ts';

/** What the description of a run says of its origin. */
export interface RunOrigin {
  readonly key: string | null;
  readonly spec: string | null;
  /** null for a run that is not ours. */
  readonly labels: WorkLabels | null;
}

/** Labels as the description of a run: at most 3,072 characters (StartPipelineExecution). */
export function describeRun({ key, specDigest, spec }: PipelineIntent): string {
  const { model, version, workflowId } = spec.labels;
  return JSON.stringify({
    [LABELS.managed]: 'true',
    [LABELS.key]: key,
    [LABELS.spec]: specLabel(specDigest),
    [LABELS.model]: model,
    [LABELS.version]: version,
    [LABELS.workflowId]: workflowId,
  });
}

/** Reads a description that anybody may have written. */
export function parseDescription(description: string | undefined): RunOrigin {
  const told = membersOf(description ?? '');
  const text = (name: string): string | null =>
    typeof told[name] === 'string' ? (told[name] as string) : null;
  if (told[LABELS.managed] !== 'true') return { key: null, spec: null, labels: null };
  return {
    key: text(LABELS.key),
    spec: text(LABELS.spec),
    labels: {
      model: text(LABELS.model) ?? '',
      version: text(LABELS.version) ?? '',
      workflowId: text(LABELS.workflowId) ?? '',
    },
  };
}

function membersOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
