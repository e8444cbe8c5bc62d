/**
 * How work on a far side is known as ours. A system with labels or tags gets these names; one
 * without gets them wherever it keeps free text, in the same spelling.
 */

/** What every piece of remote work says about its origin. */
export interface WorkLabels {
  readonly model: string;
  readonly version: string;
  readonly workflowId: string;
}

/** Names of the labels. */
export const LABELS = {
  /** `true` on everything that Orrery made. */
  managed: 'orrery-managed',
  /** The job key: `j` and 40 hexadecimal digits. */
  key: 'orrery-key',
  /** The first 40 hexadecimal digits of the spec digest; see `specLabel`. */
  spec: 'orrery-spec',
  model: 'orrery-model',
  version: 'orrery-version',
  /** Has slashes: where label values may not, an annotation or free text holds it. */
  workflowId: 'orrery-workflow-id',
} as const;

/** Label values end at 63 characters on Kubernetes and Google Cloud; 40 digits are 160 bits. */
const SPEC_LABEL_DIGITS = 40;

/** The spec digest as a label. */
export function specLabel(specDigest: string): string {
  return specDigest.slice(0, SPEC_LABEL_DIGITS);
}
