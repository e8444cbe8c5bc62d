/**
 * Our labels under Google Cloud's rules: keys and values have at most 63 characters out of lower-case
 * letters, digits, `_` and `-` (https://cloud.google.com/resource-manager/docs/labels-overview).
 * Every other character, and `_` itself, is written `_` + two hexadecimal digits per byte of UTF-8, so
 * that a value can be read back; a workflow id is longer than one value and continues in further labels.
 */
import { LABELS, specLabel } from '../../../core/labels.ts';
import type { WorkLabels } from '../../../core/labels.ts';

const VALUE_LENGTH_MAX = 63;
/** A workflow id over 4 × 63 encoded characters is cut; it then tells its beginning alone. */
const WORKFLOW_PARTS_MAX = 4;

export function encodeLabelValue(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[a-z0-9-]/.test(character) ? character : `_${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}

export function decodeLabelValue(value: string): string {
  const bytes: number[] = [];
  for (let at = 0; at < value.length; at += 1) {
    const escaped =
      value[at] === '_' ? Number.parseInt(value.slice(at + 1, at + 3), 16) : Number.NaN;
    if (Number.isNaN(escaped)) {
      bytes.push(value.charCodeAt(at));
    } else {
      bytes.push(escaped);
      at += 2;
    }
  }
  return Buffer.from(bytes).toString('utf8');
}

/** `kind` says through which port the work is read; see the inventory. */
export function workLabels(work: {
  readonly kind: string;
  readonly key: string;
  readonly specDigest: string;
  readonly labels: WorkLabels;
}): Record<string, string> {
  const { kind, key, specDigest, labels } = work;
  const workflow = encodeLabelValue(labels.workflowId);
  const parts = Array.from({ length: WORKFLOW_PARTS_MAX }, (_, at) =>
    workflow.slice(at * VALUE_LENGTH_MAX, (at + 1) * VALUE_LENGTH_MAX),
  ).filter((part) => part !== '');
  return {
    [LABELS.managed]: 'true',
    [LABELS.key]: key,
    [LABELS.spec]: specLabel(specDigest),
    [KIND_LABEL]: kind,
    [LABELS.model]: encodeLabelValue(labels.model).slice(0, VALUE_LENGTH_MAX),
    [LABELS.version]: encodeLabelValue(labels.version).slice(0, VALUE_LENGTH_MAX),
    ...Object.fromEntries(parts.map((part, at) => [`${LABELS.workflowId}-${at}`, part])),
  };
}

export const KIND_LABEL = 'orrery-kind';

type Labels = Readonly<Record<string, string>> | null | undefined;

export function workLabelsOf(labels: Labels): WorkLabels {
  const read = (name: string) => decodeLabelValue(labels?.[name] ?? '');
  const parts = Array.from(
    { length: WORKFLOW_PARTS_MAX },
    (_, at) => labels?.[`${LABELS.workflowId}-${at}`] ?? '',
  );
  return {
    model: read(LABELS.model),
    version: read(LABELS.version),
    workflowId: decodeLabelValue(parts.join('')),
  };
}
