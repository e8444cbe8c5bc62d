/** Characters of a progress that no rule below knows. */
const UNKNOWN_CHARACTERS_MAX = 100;

interface Step {
  readonly step: number;
  readonly steps: number;
  readonly message: string;
}
interface Counters {
  readonly version: string;
  readonly requests: number;
  readonly errors: number;
  readonly slow: number;
}

/**
 * Says the last heartbeat of an activity in a few words: the step of a job, or the counters of the
 * arms that are watched.
 */
export function progressText(progress: unknown): string {
  if (progress === null || typeof progress !== 'object') return '';
  const { progress: job, phase, counters } = progress as Record<string, unknown>;
  if (isStep(job)) return `${job.message} (${job.step} of ${job.steps})`;
  if (Array.isArray(counters) && counters.every(isCounters)) {
    return counters
      .map(
        ({ version, requests, errors, slow }) =>
          `${version}: ${requests} requests, ${errors} errors, ${slow} slow`,
      )
      .join('; ');
  }
  if (typeof phase === 'string') return phase;
  const text = JSON.stringify(progress);
  return text.length <= UNKNOWN_CHARACTERS_MAX
    ? text
    : `${text.slice(0, UNKNOWN_CHARACTERS_MAX - 1)}…`;
}

function isStep(value: unknown): value is Step {
  const step = value as Partial<Step> | null | undefined;
  return typeof step?.step === 'number' && typeof step.steps === 'number';
}

function isCounters(value: unknown): value is Counters {
  return typeof (value as Partial<Counters> | null)?.requests === 'number';
}
