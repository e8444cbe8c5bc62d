import { z } from 'zod';

import { LABELS, specLabel, type WorkLabels } from '../../../core/labels.ts';
import type { PipelineIntent } from '../../../core/ports/pipeline.ts';

/**
 * KFP's runs have no labels, so a run says in its description, as one line of JSON, whose it is.
 * The description cannot be changed after the run was made.
 */
const provenance = z.object({
  [LABELS.managed]: z.literal('true'),
  [LABELS.key]: z.string(),
  [LABELS.spec]: z.string(),
  [LABELS.model]: z.string(),
  [LABELS.version]: z.string(),
  [LABELS.workflowId]: z.string(),
  timeoutSeconds: z.number().positive(),
});

export interface Provenance {
  readonly key: string;
  /** As `specLabel` makes it. */
  readonly spec: string;
  readonly timeoutSeconds: number;
  readonly labels: WorkLabels;
}

/** What every description of ours contains, for a filter of the far side. */
export const OURS = `"${LABELS.managed}":"true"`;

export function describeRun({ key, specDigest, spec }: PipelineIntent): string {
  return JSON.stringify({
    [LABELS.managed]: 'true',
    [LABELS.key]: key,
    [LABELS.spec]: specLabel(specDigest),
    [LABELS.model]: spec.labels.model,
    [LABELS.version]: spec.labels.version,
    [LABELS.workflowId]: spec.labels.workflowId,
    timeoutSeconds: spec.timeoutSeconds,
  });
}

/** null for a description that is not ours. */
export function provenanceOf(description: string): Provenance | null {
  const parsed = provenance.safeParse(jsonOf(description));
  if (!parsed.success) return null;
  const { data } = parsed;
  return {
    key: data[LABELS.key],
    spec: data[LABELS.spec],
    timeoutSeconds: data.timeoutSeconds,
    labels: {
      model: data[LABELS.model],
      version: data[LABELS.version],
      workflowId: data[LABELS.workflowId],
    },
  };
}

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
