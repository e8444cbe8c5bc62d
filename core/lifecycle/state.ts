import type { Cost } from '../cost/charge.ts';
import type { ApprovalWanted } from '../evidence/approval.ts';
import type { RolloutResult } from '../rollout/request.ts';

/** The stages of a life, in order. */
export const STAGES = [
  'admit',
  'data',
  'train',
  'evaluate',
  'sign',
  'approve',
  'release',
  'done',
] as const;
export type Stage = (typeof STAGES)[number];

export interface Gate {
  readonly stage: Stage;
  readonly passed: boolean;
  readonly reason: string;
}

export type Outcome = 'released' | 'rejected' | 'rolled-back' | 'cancelled' | 'failed';

/** What the `status` query answers and the card shows. */
export interface LifecycleState {
  readonly model: string;
  readonly version: string;
  readonly stage: Stage;
  readonly paused: boolean;
  readonly gates: readonly Gate[];
  readonly cost: Cost;
  readonly approval: ApprovalWanted | null;
  /** The region whose rollout runs now. */
  readonly region: string | null;
  readonly rollouts: readonly RolloutResult[];
  readonly outcome: Outcome | null;
  /** Why it ended so, or what it does now. */
  readonly reason: string;
}

/** What `runLifecycle` returns when it was not stopped by a failure. */
export interface LifecycleResult {
  readonly outcome: Outcome;
  readonly reason: string;
  readonly modelSha256: string | null;
  readonly reportSha256: string | null;
  readonly rollouts: readonly RolloutResult[];
  readonly cost: Cost;
}
