/** The sweeper: remote work with our labels, and whether a workflow still owns it. */
import type { Client } from '@temporalio/client';
import { OrreryError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { StopAnswer } from '../../core/operations/order.ts';
import { isOrphan } from '../../core/operations/ownership.ts';
import type { OwnerState } from '../../core/operations/ownership.ts';
import type { RemoteWork } from '../../core/ports/inventory.ts';
import { askEngine } from '../engine-errors.ts';
import { listBackends } from './backends.ts';
import { giveOrder } from './give-order.ts';

/** Questions to the engine, and stops, that are under way at once. */
const AT_ONCE_MAX = 20;

export interface WorkFilter {
  /** Only on this backend. */
  readonly backend?: string;
  /** Only live work without a running workflow. */
  readonly orphans?: boolean;
}

export interface OwnedWork extends RemoteWork {
  readonly backend: string;
  readonly owner: OwnerState;
  readonly orphan: boolean;
}

export interface WorkList {
  readonly work: readonly OwnedWork[];
  /** Backends that did not tell their work, or not all of it: what is missing is not known. */
  readonly untold: readonly { readonly backend: string; readonly reason: string }[];
}

export interface SweptWork extends OwnedWork {
  /** The terminal state that was read; null when it was not stopped. */
  readonly stopped: StopAnswer | null;
  /** Why not; null when it was. */
  readonly kept: string | null;
}

/** @throws OrreryError BACKEND_UNKNOWN, ENGINE_UNREACHABLE */
export async function listWork(client: Client, filter: WorkFilter = {}): Promise<WorkList> {
  const known = await listBackends(client);
  if (filter.backend !== undefined && !known.some(({ name }) => name === filter.backend)) {
    throw new OrreryError(
      'BACKEND_UNKNOWN',
      `Cannot list the work of "${filter.backend}": choose ${known.map(({ name }) => name).join(', ')}`,
    );
  }
  const asked = known.filter(
    ({ name, configured, has }) =>
      configured && has.includes('inventory') && name === (filter.backend ?? name),
  );
  const told = await Promise.all(asked.map(({ name }) => inventoryOf(client, name)));
  // Owners are asked after the work was listed: see core/operations/ownership.ts.
  const work = await withOwners(
    client,
    told.flatMap((each) => each.work),
  );
  return {
    work: work.filter(({ orphan }) => orphan || filter.orphans !== true),
    untold: told.flatMap(({ backend, untold }) =>
      untold === null ? [] : [{ backend, reason: untold }],
    ),
  };
}

/**
 * Finds orphans and stops them.
 *
 * @throws OrreryError BACKEND_UNKNOWN, ENGINE_UNREACHABLE
 */
export async function sweepWork(
  client: Client,
  { backend, keepUnknown }: { readonly backend?: string; readonly keepUnknown: boolean },
): Promise<{ readonly swept: readonly SweptWork[]; readonly untold: WorkList['untold'] }> {
  const only = backend === undefined ? {} : { backend };
  const { work, untold } = await listWork(client, { orphans: true, ...only });
  const wanted = work.filter(({ owner }) => !(keepUnknown && owner === 'unknown'));
  return { swept: await stopOrphans(client, wanted), untold };
}

/**
 * Stops work whose workflow does not run, and reports the state that was read after it. The owner is
 * asked again right before each stop.
 *
 * @throws OrreryError ENGINE_UNREACHABLE
 */
export async function stopOrphans(
  client: Client,
  orphans: readonly OwnedWork[],
): Promise<readonly SweptWork[]> {
  return inBatches(orphans, (work) => stopOrphan(client, work));
}

async function stopOrphan(client: Client, work: OwnedWork): Promise<SweptWork> {
  const { backend, port, key, remoteId } = work;
  const owner = await ownerOf(client, work.labels.workflowId);
  if (!isOrphan(work, owner)) {
    const kept = `its workflow ${work.labels.workflowId} runs now`;
    return { ...work, owner, orphan: false, stopped: null, kept };
  }
  try {
    const handle = { port, key, remoteId };
    const stopped = await giveOrder(client, { kind: 'stopWork', backend, work: handle });
    return { ...work, owner, phase: stopped.phase, stopped, kept: null };
  } catch (error) {
    const { code, message } = known(error);
    return { ...work, owner, stopped: null, kept: `${code}: ${message}` };
  }
}

async function inventoryOf(client: Client, backend: string) {
  try {
    const { items, left } = await giveOrder(client, { kind: 'inventory', backend });
    const untold = left === 0 ? null : `${left} more, ended ones and old ones first left out`;
    return { backend, work: items.map((item) => ({ ...item, backend })), untold };
  } catch (error) {
    const { code, message } = known(error);
    if (code === 'ENGINE_UNREACHABLE') throw error;
    return { backend, work: [], untold: `${code}: ${message}` };
  }
}

async function withOwners(
  client: Client,
  work: readonly (RemoteWork & { readonly backend: string })[],
): Promise<readonly OwnedWork[]> {
  const ids = [...new Set(work.map(({ labels }) => labels.workflowId))];
  const states = await inBatches(ids, (id) => ownerOf(client, id));
  const owners = new Map(ids.map((id, at) => [id, states[at]!]));
  return work.map((each) => {
    const owner = owners.get(each.labels.workflowId)!;
    return { ...each, owner, orphan: isOrphan(each, owner) };
  });
}

/**
 * By workflow id and without a run id: the newest run of it, which is the open one if any is. The
 * answer comes from the engine's own record and not from its index, which lags.
 */
async function ownerOf(client: Client, workflowId: string): Promise<OwnerState> {
  try {
    const { status } = await askEngine(client, `look at ${workflowId}`, () =>
      client.workflow.getHandle(workflowId).describe(),
    );
    // PAUSED runs are open, and CONTINUED_AS_NEW means that another one is.
    const closed = ['COMPLETED', 'FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT'];
    return closed.includes(status.name) ? 'ended' : 'running';
  } catch (error) {
    if (error instanceof OrreryError && error.code === 'NOT_FOUND') return 'unknown';
    throw error;
  }
}

async function inBatches<In, Out>(
  items: readonly In[],
  each: (item: In) => Promise<Out>,
): Promise<readonly Out[]> {
  const done: Out[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE_MAX) {
    done.push(...(await Promise.all(items.slice(at, at + AT_ONCE_MAX).map(each))));
  }
  return done;
}

function known(error: unknown): { readonly code: ErrorCode; readonly message: string } {
  if (error instanceof OrreryError) return error;
  throw error;
}
