import { OrreryError } from '../errors.ts';

/** The output in which a program tells numbers of itself: docs/jobs.md, “metrics.json”. */
export const METRICS_FILE = 'metrics.json';
/** Longest file that is read, bytes. */
export const METRICS_BYTES_MAX = 65_536;

/**
 * The numbers of a `metrics.json`.
 *
 * @throws OrreryError TUNING_FAILED when it is not one JSON object of finite numbers
 */
export function parseMetrics(text: string): Readonly<Record<string, number>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed('it is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed('it is not an object');
  for (const [name, member] of Object.entries(value))
    if (typeof member !== 'number' || !Number.isFinite(member))
      throw malformed(`"${name}" is not a number`);
  return value as Readonly<Record<string, number>>;
}

function malformed(problem: string): OrreryError {
  return new OrreryError(
    'TUNING_FAILED',
    `Cannot read ${METRICS_FILE}: ${problem}, wanted {"<metric>": number}`,
  );
}
