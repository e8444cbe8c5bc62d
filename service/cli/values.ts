import { InvalidArgumentError } from 'commander';
import type { JobParam } from '../../core/ports/compute.ts';

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

/** Reads `--cpus`: a number above 0, up to 1024. */
export function cpusOption(text: string): number {
  const value = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (value > 0 && value <= 1024) return value;
  throw new InvalidArgumentError('wanted a number above 0, up to 1024');
}

/** Reads `--memory-mib`: a whole number 16–16,777,216. */
export function memoryOption(text: string): number {
  return wholeNumber(text, 16, 16_777_216);
}

/** Reads `--slots`: a whole number 0–1,000,000. */
export function slotsOption(text: string): number {
  return wholeNumber(text, 0, 1_000_000);
}

/**
 * Reads one of several `--param name=value`. What reads as a JSON number or boolean is one, and text
 * in quotes is text.
 */
export function paramOption(text: string, before: Record<string, JobParam> = {}) {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('wanted name=value');
  return { ...before, [text.slice(0, at)]: paramOf(text.slice(at + 1)) };
}

function paramOf(text: string): JobParam {
  try {
    const value: unknown = JSON.parse(text);
    return ['string', 'number', 'boolean'].includes(typeof value) ? (value as JobParam) : text;
  } catch {
    return text;
  }
}

function wholeNumber(text: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new InvalidArgumentError(`wanted a whole number ${min}–${max}`);
}
