import type { BackendChoice } from '../backend.ts';
import type { ReleaseRequest } from '../lifecycle/request.ts';
import type { Verdict } from './judge.ts';
import type { ArmCounts } from './counts.ts';

/** The one argument of `rolloutRegion`. The version is registered and approved already. */
export interface RolloutRequest {
  readonly schemaVersion: 1;
  readonly model: string;
  readonly version: string;
  readonly region: string;
  readonly backends: BackendChoice;
  readonly release: Omit<ReleaseRequest, 'regions'>;
}

/** One step of a rollout, as it is told afterwards. */
export interface StepSummary {
  readonly weightPercent: number;
  readonly verdict: Verdict['kind'];
  readonly reason: string;
  readonly seconds: number;
  readonly canary: ArmCounts;
  readonly stable: ArmCounts;
}

export interface RolloutResult {
  readonly outcome: 'promoted' | 'rolled-back';
  readonly region: string;
  readonly champion: string | null;
  /** Weight of the version as read back from the proxy at the end. */
  readonly weightPercent: number;
  readonly reason: string;
  readonly steps: readonly StepSummary[];
}

/** What a rollout shows while it runs. */
export interface RolloutState {
  readonly region: string;
  readonly stage: 'admit' | 'deploy' | 'canary' | 'bake' | 'rollback' | 'done';
  readonly champion: string | null;
  /** As read back from the proxy. */
  readonly weightPercent: number;
  readonly stepsPercent: readonly number[];
  readonly paused: boolean;
  /** A question for a human, such as a step without decision. */
  readonly question: string | null;
  readonly steps: readonly StepSummary[];
  readonly outcome: RolloutResult['outcome'] | null;
  readonly reason: string;
  /** Compensations that failed; shown, never swallowed. */
  readonly leftovers: readonly string[];
}
