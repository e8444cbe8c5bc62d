import type { RemoteWork } from '../ports/inventory.ts';

/**
 * What the engine knows of the workflow that a piece of work names. `running`: its newest run is open,
 * whichever run of a chain made the work. `ended`: its newest run is closed. `unknown`: the engine has
 * no run of this id, since the retention is over or since it belongs to another installation.
 */
export type OwnerState = 'running' | 'ended' | 'unknown';

/**
 * Whether work runs on that nobody will stop.
 *
 * The owner's state must have been read *after* the work. A workflow is open before its first job is
 * created and until its last one has ended, and continue-as-new, retries and resets open the next run
 * in the moment in which they close the one before. So work that is live while no run of its id is
 * open has no owner; a run that is opened later makes work under keys of its own, or, if it is a reset,
 * shows as running when the owner is read again before the stop.
 */
export function isOrphan(work: Pick<RemoteWork, 'phase'>, owner: OwnerState): boolean {
  return isLive(work) && owner !== 'running';
}

export function isLive({ phase }: Pick<RemoteWork, 'phase'>): boolean {
  return phase === 'pending' || phase === 'running';
}
