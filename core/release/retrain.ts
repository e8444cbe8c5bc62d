import { digestOf } from '../canonical.ts';
import type { LifecycleRequest } from '../lifecycle/request.ts';

/** The one argument of `retrainModel`, which a schedule starts. */
export interface RetrainRequest {
  readonly schemaVersion: 1;
  /** The lifecycle to run, under a version of its own each time. */
  readonly lifecycle: Omit<LifecycleRequest, 'version'>;
}

export interface RetrainResult {
  readonly lifecycleId: string;
  readonly outcome: string;
}

/**
 * The version of one retraining: `r` + UTC time of its start to the second + four digits of the run
 * id, so that two firings within a second differ.
 *
 * @param startedAtIso ISO 8601 in UTC, such as `2026-11-24T13:00:00.000Z`
 */
export function retrainVersion(startedAtIso: string, runId: string): string {
  const time = startedAtIso.replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `r${time}-${digestOf(runId).slice(0, 4)}`;
}
