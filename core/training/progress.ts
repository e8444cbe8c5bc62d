import type { JobProgress } from '../ports/compute.ts';

/** Longest message that is passed on, characters. */
const MESSAGE_CHARACTERS_MAX = 500;
/** Most numbers of one step that are passed on, and the longest name of one, characters. */
const METRICS_MAX = 50;
const METRIC_NAME_CHARACTERS_MAX = 200;

/**
 * What a program says of itself in its progress file (docs/jobs.md); null for text that is not
 * `{step, steps, message?, metrics?}`. A metric that is no finite number is left out.
 */
export function parseProgress(text: string): JobProgress | null {
  let told: unknown;
  try {
    told = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof told !== 'object' || told === null) return null;
  const { step, steps, message, metrics } = told as Readonly<Record<string, unknown>>;
  if (!Number.isFinite(step) || !Number.isFinite(steps)) return null;
  const numbers = numbersOf(metrics);
  return {
    step: step as number,
    steps: steps as number,
    message: String(message ?? '').slice(0, MESSAGE_CHARACTERS_MAX),
    ...(numbers.length === 0 ? {} : { metrics: Object.fromEntries(numbers) }),
  };
}

function numbersOf(metrics: unknown): readonly (readonly [string, number])[] {
  if (typeof metrics !== 'object' || metrics === null || Array.isArray(metrics)) return [];
  return Object.entries(metrics as Readonly<Record<string, unknown>>)
    .filter(
      (entry): entry is [string, number] =>
        Number.isFinite(entry[1]) && entry[0].length <= METRIC_NAME_CHARACTERS_MAX,
    )
    .slice(0, METRICS_MAX);
}
