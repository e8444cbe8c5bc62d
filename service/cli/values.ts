import { InvalidArgumentError } from 'commander';

/** Reads `--limit`: a whole number 1–1000. */
export function limitOption(text: string): number {
  return wholeNumber(text, 1, 1000);
}

/** Reads a duration in whole seconds, up to a year. */
export function secondsOption(text: string): number {
  return wholeNumber(text, 0, 366 * 24 * 3600);
}

/** Reads `--lines`: a whole number 1–10,000. */
export function linesOption(text: string): number {
  return wholeNumber(text, 1, 10_000);
}

function wholeNumber(text: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new InvalidArgumentError(`wanted a whole number ${min}–${max}`);
}
