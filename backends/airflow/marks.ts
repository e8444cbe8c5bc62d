/**
 * How a run says that it is ours and what became of it. What never changes lies in the run's conf
 * under one name; what we did to a run is a line of its note, written in the same transaction as the
 * state, so that a crash cannot part them.
 */
import { LABELS, specLabel, type WorkLabels } from '../../core/labels.ts';
import { OrreryError } from '../../core/errors.ts';
import type { JobParam } from '../../core/ports/compute.ts';
import { isObject } from './errors.ts';

/** Member of the conf that holds our labels; the program of a task does not see it. */
export const OURS = 'orrery';
/** `allowed_run_id_pattern` of Airflow, and the width of its column. */
const RUN_ID = /^[A-Za-z0-9_.~:+-]{1,250}$/;
/** Airflow's limit of a note. */
const NOTE_CHARS_MAX = 1000;

const CANCELLED = 'orrery: cancelled';
const TIMED_OUT = 'orrery: over its time limit';

/** What a run's conf says of its origin. */
export interface RunMarks {
  readonly key: string;
  readonly spec: string;
  readonly labels: WorkLabels;
  /** Seconds from the start of the run; null for no limit. */
  readonly timeoutSeconds: number | null;
}

/** The conf of a run: its parameters, and beside them what it says of its origin. */
export function confOf(
  params: Readonly<Record<string, JobParam>>,
  origin: {
    readonly key: string;
    readonly specDigest: string;
    readonly labels: WorkLabels;
    readonly timeoutSeconds: number;
  },
): Readonly<Record<string, unknown>> {
  if (Object.hasOwn(params, OURS)) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot pass the parameter "${OURS}" to a DAG run: the name is kept for the run's labels`,
    );
  }
  const { key, specDigest, labels, timeoutSeconds } = origin;
  return {
    ...params,
    [OURS]: {
      [LABELS.managed]: 'true',
      [LABELS.key]: key,
      [LABELS.spec]: specLabel(specDigest),
      [LABELS.model]: labels.model,
      [LABELS.version]: labels.version,
      [LABELS.workflowId]: labels.workflowId,
      timeoutSeconds,
    },
  };
}

/** The marks in a conf; null for a stranger's. */
export function marksOf(conf: Readonly<Record<string, unknown>> | null): RunMarks | null {
  const ours = conf?.[OURS];
  if (!isObject(ours)) return null;
  const text = (name: string): string => (typeof ours[name] === 'string' ? ours[name] : '');
  if (text(LABELS.key) === '') return null;
  const limit = ours['timeoutSeconds'];
  return {
    key: text(LABELS.key),
    spec: text(LABELS.spec),
    labels: {
      model: text(LABELS.model),
      version: text(LABELS.version),
      workflowId: text(LABELS.workflowId),
    },
    timeoutSeconds: typeof limit === 'number' ? limit : null,
  };
}

/** @throws OrreryError REQUEST_INVALID for what Airflow would refuse as the id of a run */
export function checkRunId(key: string): string {
  if (RUN_ID.test(key)) return key;
  throw new OrreryError(
    'REQUEST_INVALID',
    `Cannot use "${key}" as the id of a DAG run: Airflow allows 1–250 letters, digits and _ . ~ : + -`,
  );
}

/** What we did to a run, as its note tells. */
export type Deed = 'cancelled' | 'timed out' | null;

export function deedOf(note: string | null): Deed {
  const lines = (note ?? '').split('\n');
  if (lines.includes(CANCELLED)) return 'cancelled';
  return lines.includes(TIMED_OUT) ? 'timed out' : null;
}

/** The note with our line first, before what others wrote there. */
export function withDeed(note: string | null, deed: 'cancelled' | 'timed out'): string {
  const line = deed === 'cancelled' ? CANCELLED : TIMED_OUT;
  const others = withoutDeed(note);
  return (others === '' ? line : `${line}\n${others}`).slice(0, NOTE_CHARS_MAX);
}

/** The note as others wrote it; an empty one is no note. */
export function withoutDeed(note: string | null): string {
  const ours = [CANCELLED, TIMED_OUT];
  return (note ?? '')
    .split('\n')
    .filter((line) => !ours.includes(line))
    .join('\n');
}
