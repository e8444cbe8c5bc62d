import { ERRORS, OrreryError } from '../core/errors.ts';
import type { RemoteWork } from '../core/ports/inventory.ts';
import type { Deps } from './deps.ts';

interface Handle {
  readonly key: string;
  readonly remoteId: string;
}

/** Work whose start was not answered, so that nobody knows its name on the far side. */
export interface UnreadWork<Reading> {
  readonly backend: string;
  readonly port: RemoteWork['port'];
  readonly key: string;
  readonly start: () => Promise<{ readonly handle: Handle }>;
  readonly stop: (handle: Handle) => Promise<Reading>;
  /** The reading of work that does not exist. */
  readonly none: (reason: string) => Reading;
}

/**
 * Stops it: starting again under the same key adopts what is there, and what it has to create first
 * is stopped at once. A far side that refuses to start it for good is asked by its inventory, where
 * it has one.
 *
 * @throws OrreryError whatever is retryable, and what the inventory throws
 */
export async function stopUnread<Reading>(deps: Deps, work: UnreadWork<Reading>): Promise<Reading> {
  const handle = await adopted(deps, work);
  return 'refused' in handle ? work.none(handle.refused) : work.stop(handle);
}

async function adopted<Reading>(
  deps: Deps,
  { backend, port, key, start }: UnreadWork<Reading>,
): Promise<Handle | { readonly refused: string }> {
  try {
    return (await start()).handle;
  } catch (error) {
    if (!(error instanceof OrreryError) || ERRORS[error.code].retryable) throw error;
    const { inventory } = (await deps.backends.open(backend)).ports;
    const found = (await inventory?.list())?.find((each) => each.port === port && each.key === key);
    if (found !== undefined) return { key: found.key, remoteId: found.remoteId };
    return { refused: `the far side refuses to start it (${error.message})` };
  }
}
