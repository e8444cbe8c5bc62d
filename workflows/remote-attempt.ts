import type { JobPhase } from '../core/ports/compute.ts';
import { Compensations } from './compensations.ts';
import { failure, isCancellation, refusalOf } from './failures.ts';
import type { Refusal } from './failures.ts';

interface Read {
  readonly phase: JobPhase;
  readonly reason: string;
}

/** One attempt of remote work: what starts, follows and stops it. */
export interface RemoteWork<Handle, Value, Stopped extends Read> {
  /** As a message names it, such as `train`. */
  readonly step: string;
  /** Which work an operator looks for when its end cannot be told. */
  readonly where: string;
  readonly start: () => Promise<Handle>;
  readonly follow: (handle: Handle) => Promise<Value>;
  /** Whether `stop` finds work by its key alone, and does nothing where there is none. */
  readonly stopsByKey: boolean;
  /** Stops whatever there is and reads its end; without a handle nobody knows whether there is any. */
  readonly stop: (handle: Handle | null) => Promise<Stopped>;
}

export type RemoteEnd<Value, Stopped> =
  | { readonly value: Value }
  | {
      /** Why it was refused, or could not be followed. */
      readonly refused: Refusal;
      /** The end that was read; null where nothing had begun. */
      readonly stopped: Stopped | null;
    };

/**
 * Carries one attempt out. When it returns, nothing of it runs on: work that could not be started
 * or followed may exist all the same, so it is stopped and its end read before anything else is done.
 *
 * @throws JOB_UNSETTLED when that end cannot be told; the cancellation, once the work has ended
 */
export async function attemptRemotely<Handle, Value, Stopped extends Read>(
  work: RemoteWork<Handle, Value, Stopped>,
): Promise<RemoteEnd<Value, Stopped>> {
  const known: { handle: Handle | null; stopped: Stopped | null } = { handle: null, stopped: null };
  const compensations = new Compensations();
  compensations.register('stop it', async () => {
    known.stopped = ended(await work.stop(known.handle));
  });
  try {
    known.handle = await work.start();
    return { value: await work.follow(known.handle) };
  } catch (error) {
    const refused = refusalOf(error);
    const nothing = known.handle === null && refused.clear;
    // What holds a name that is taken is somebody else's, and not for us to stop.
    const untouched = nothing && (refused.code === 'NAME_TAKEN' || !work.stopsByKey);
    const failed = untouched ? [] : await compensations.run();
    if (failed.length > 0 && !nothing) {
      throw failure(
        'JOB_UNSETTLED',
        `Cannot tell the end of ${work.step}: look at ${work.where}; ${failed.join('; ')} (after: ${refused.message})`,
      );
    }
    if (isCancellation(error)) throw error;
    return { refused, stopped: known.stopped };
  }
}

/** A stop that comes back before the end has stopped nothing. */
export function ended<Stopped extends Read>(reading: Stopped): Stopped {
  const { phase, reason } = reading;
  if (phase !== 'pending' && phase !== 'running') return reading;
  throw failure('STATE_CONTRADICTED', `it was stopped and is still ${phase} (${reason})`);
}
