/**
 * Work that the far side creates without an id of ours: custom jobs and searches. Nothing there keeps
 * two creations of one key apart, so they are told by their label: searched for before the creation and
 * after it. Of several, all callers take the same one, and the others are cancelled:
 *
 * 1. a live or succeeded one before one that has ended otherwise,
 * 2. then the oldest by the far side's own time of creation, then the smaller name.
 *
 * A caller that dies between creation and search leaves a second one running until the next call under
 * the key: `start`, `read` and `stop` all look for it. Lists of the far side may lag; so after a
 * creation the search is repeated until it shows what was created, for `SETTLE_MS_MAX` at most.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { OrreryError } from '../../core/errors.ts';
import { LABELS, specLabel } from '../../core/labels.ts';
import type { JobPhase } from '../../core/ports/compute.ts';
import { isTerminal } from '../connections/polling.ts';
import type { Pace } from '../connections/polling.ts';
import type { WorkApi } from './calls.ts';
import { KIND_LABEL } from '../connections/google/labels.ts';
import type { WorkKind } from './kinds.ts';
import { millis } from './messages.ts';
import type { Timestamp } from './messages.ts';
import { phaseOfState } from './states.ts';

/** Longest wait for a list to show what was just created. */
const SETTLE_MS_MAX = 10_000;
const SETTLE_POLL_MS_MAX = 200;

export interface LabelledWork {
  name?: string | null;
  labels?: { [name: string]: string } | null;
  createTime?: Timestamp | null;
  state?: unknown;
}

export interface Labelled {
  readonly key: string;
  readonly specDigest: string;
}

export function keyFilter(kind: WorkKind, key: string): string {
  return `labels.${LABELS.key}="${key}" AND labels.${KIND_LABEL}="${kind}"`;
}

/** @throws OrreryError NAME_TAKEN */
export async function startByLabel<Work extends LabelledWork>(
  api: WorkApi<Work>,
  kind: WorkKind,
  { key, specDigest }: Labelled,
  make: () => Work,
  { pollMs }: Pace,
): Promise<{ readonly remoteId: string; readonly outcome: 'created' | 'adopted' | 'dead' }> {
  const filter = keyFilter(kind, key);
  let found = await api.list(filter);
  let own: string | null = null;
  if (found.length === 0) {
    const created = await api.create(make());
    own = created.name ?? '';
    found = await settledList(api, filter, created, Math.min(pollMs, SETTLE_POLL_MS_MAX));
  }
  const chosen = await keepOne(api, found);
  checkSpec(chosen, { key, specDigest });
  const remoteId = chosen.name ?? '';
  if (remoteId === own) return { remoteId, outcome: 'created' };
  return { remoteId, outcome: isDead(phaseOf(chosen)) ? 'dead' : 'adopted' };
}

/** The work under the key, whichever of several it was that the handle named; null when there is none. */
export async function readByLabel<Work extends LabelledWork>(
  api: WorkApi<Work>,
  kind: WorkKind,
  handle: { readonly key: string; readonly remoteId: string },
): Promise<Work | null> {
  const named = isResourceName(handle.remoteId) ? await api.get(handle.remoteId) : null;
  // What has ended well stays what it is; only live work can have a twin that matters.
  if (named !== null && phaseOf(named) === 'succeeded') return named;
  const listed = await api.list(keyFilter(kind, handle.key));
  const all =
    named === null ? [...listed] : [named, ...listed.filter(({ name }) => name !== named.name)];
  return all.length === 0 ? null : keepOne(api, all);
}

/** Asks all that are live under the key for their end: a twin that nobody has seen must not run on. */
export async function cancelByLabel<Work extends LabelledWork>(
  api: WorkApi<Work>,
  kind: WorkKind,
  { key, remoteId }: { readonly key: string; readonly remoteId: string },
): Promise<void> {
  const found = await api.list(keyFilter(kind, key));
  const live = found.filter(({ state }) => !isTerminal(phaseOfState(state)));
  const names = new Set(live.map(({ name }) => name ?? ''));
  if (isResourceName(remoteId)) names.add(remoteId);
  for (const name of names) await api.cancel(name);
}

/** After a start whose reply was lost the key stands in the place of the far side's name. */
export const isResourceName = (remoteId: string): boolean => remoteId.startsWith('projects/');

async function settledList<Work extends LabelledWork>(
  api: WorkApi<Work>,
  filter: string,
  created: Work,
  pollMs: number,
): Promise<readonly Work[]> {
  const until = Date.now() + SETTLE_MS_MAX;
  for (;;) {
    const listed = await api.list(filter);
    if (listed.some(({ name }) => name === created.name)) return listed;
    if (Date.now() >= until) return [created, ...listed];
    await sleep(pollMs);
  }
}

/** The one that counts; every other live one is asked to end. */
async function keepOne<Work extends LabelledWork>(
  api: WorkApi<Work>,
  found: readonly Work[],
): Promise<Work> {
  const [chosen, ...others] = found.toSorted(byRank);
  for (const { name, state } of others) {
    if (name && !isTerminal(phaseOfState(state))) await api.cancel(name);
  }
  return chosen as Work;
}

function byRank(a: LabelledWork, b: LabelledWork): number {
  const dead = Number(isDead(phaseOf(a))) - Number(isDead(phaseOf(b)));
  const age = (millis(a.createTime) ?? 0) - (millis(b.createTime) ?? 0);
  return dead || age || (String(a.name) < String(b.name) ? -1 : 1);
}

const phaseOf = ({ state }: LabelledWork): JobPhase => phaseOfState(state);

export function isDead(phase: JobPhase): boolean {
  return isTerminal(phase) && phase !== 'succeeded';
}

/** @throws OrreryError NAME_TAKEN when the work under our key is of another spec, or not ours at all */
export function checkSpec({ name, labels }: LabelledWork, { key, specDigest }: Labelled): void {
  const found = labels?.[LABELS.spec];
  if (found === specLabel(specDigest)) return;
  throw new OrreryError(
    'NAME_TAKEN',
    `Cannot start ${key}: ${name} has the spec ${found ?? '(no label of ours)'}, wanted ${specLabel(specDigest)}`,
  );
}
