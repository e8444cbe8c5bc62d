import { checkCsv } from './data/check-csv.ts';
import { evaluateScores } from './release/evaluate-scores.ts';

/**
 * Kernels that run by name in worker threads, so that a long computation never holds up a
 * heartbeat. What they take and give can be cloned by the structured clone algorithm.
 */
export const KERNELS = { checkCsv, evaluateScores } as const;

export type KernelName = keyof typeof KERNELS;
