import { setTimeout as sleep } from 'node:timers/promises';

import { OrreryError } from '../../../core/errors.ts';
import type { KfpApi } from './api.ts';
import { hasCode, isAmbiguous } from './errors.ts';
import { OURS } from './provenance.ts';
import type { KfpExperiment } from './replies.ts';

/**
 * Marks: far-side rows that only one caller can make. KFP makes runs and recurring runs without any
 * uniqueness, but an experiment's name is unique in its namespace (`idx_name_namespace` of
 * model/experiment.go), so an empty experiment serves as a mark that every worker sees.
 *
 * - `start-<key>`: somebody has sent, or is about to send, the create of this run. It is taken away once the
 *   run was seen. While it is younger than `settleSeconds` nobody else sends; an older one whose run
 *   cannot be found belongs to a create that never arrived, and gives way to the next.
 * - `anchor-<pipeline>`, `schedule-<pipeline>`: the same for a pipeline's recurring runs.
 * - `stop-<key>`: we have asked for the end, so a FAILED that follows is a cancellation.
 * - `timeout-<key>`: we have asked for the end because the run was over its limit.
 */
export type MarkKind = 'start' | 'anchor' | 'schedule' | 'stop' | 'timeout';

/** How long one call waits for somebody else's create; the activity's retry waits on. */
const WAIT_MS_MAX = 5000;
/** A far side's times are whole seconds, so an age may be told this much too large. */
const AGE_SLACK_MS = 1000;
/** The holder of a mark sends within this share of `settleSeconds`, so that the rest is the far side's. */
const SEND_SHARE = 0.5;

export function markName(kind: MarkKind, of: string): string {
  return `orrery-${kind}-${of}`;
}

/** What was found or created, and which of the two. */
export interface Once<Value> {
  readonly value: Value;
  readonly created: boolean;
}

export class Marks {
  readonly #api: KfpApi;
  /** Mark → when this process saw it first: its age is at least the time since then. */
  readonly #seen = new Map<string, number>();

  constructor(api: KfpApi) {
    this.#api = api;
  }

  /**
   * Creates what `find` does not find, once, whoever else tries. `find` is asked after the mark is set, so
   * that what it does not find was not made by anybody who has ended.
   * @throws OrreryError BACKEND_UNAVAILABLE while another caller's create may still arrive, and
   * what `create` throws; an error that leaves its outcome open keeps the mark
   */
  async once<Value>(
    kind: MarkKind,
    of: string,
    find: () => Promise<Value | null>,
    create: () => Promise<Value>,
  ): Promise<Once<Value>> {
    const waitUntil = Date.now() + WAIT_MS_MAX;
    for (;;) {
      const claimedAt = Date.now();
      const mark = await this.#put(kind, of);
      const found = await find();
      if (found !== null) {
        await (mark === null ? this.drop(kind, of) : this.#remove(mark));
        return { value: found, created: false };
      }
      if (mark !== null) {
        return { value: await this.#create(mark, of, claimedAt, create), created: true };
      }
      // A mark is taken away by its id, so that a newer one of the same name is never hit.
      if ((await this.#settled(markName(kind, of))) !== 'young') continue;
      if (Date.now() >= waitUntil) throw this.#early(of);
      await sleep(Math.min(this.#api.settings.pollMs, WAIT_MS_MAX));
    }
  }

  async put(kind: MarkKind, of: string): Promise<void> {
    await this.#put(kind, of);
  }

  async drop(kind: MarkKind, of: string): Promise<void> {
    const { held } = await this.#find(markName(kind, of));
    if (held !== null) await this.#remove(held);
  }

  /** Which marks there are of a run that has ended. */
  async of(key: string): Promise<ReadonlySet<MarkKind>> {
    return (await this.#ends(`-${key}`)).get(key) ?? new Set();
  }

  /** The same for all runs at once: key → marks. */
  async all(): Promise<ReadonlyMap<string, ReadonlySet<MarkKind>>> {
    return this.#ends('orrery-');
  }

  async #ends(part: string): Promise<ReadonlyMap<string, ReadonlySet<MarkKind>>> {
    const { value } = await this.#api.experiments([
      { key: 'display_name', operation: 'IS_SUBSTRING', value: part },
    ]);
    const ends = new Map<string, Set<MarkKind>>();
    for (const { display_name: name } of value) {
      const [, kind, key = ''] = /^orrery-(stop|timeout)-(.+)$/.exec(name) ?? [];
      if (kind === undefined) continue;
      ends.set(key, (ends.get(key) ?? new Set()).add(kind as MarkKind));
    }
    return ends;
  }

  async #create<Value>(
    mark: KfpExperiment,
    of: string,
    claimedAt: number,
    create: () => Promise<Value>,
  ): Promise<Value> {
    try {
      const limitMs = this.#api.settings.settleSeconds * 1000 * SEND_SHARE;
      if (Date.now() - claimedAt > limitMs) throw this.#early(of);
      const value = await create();
      await this.#remove(mark);
      return value;
    } catch (error) {
      // A mark that cannot be taken away now gives way by its age; the first error is the one to tell.
      if (!isAmbiguous(error)) await this.#remove(mark).catch(() => undefined);
      throw error;
    }
  }

  #early(of: string): OrreryError {
    return new OrreryError(
      'BACKEND_UNAVAILABLE',
      `Cannot create ${of} yet: an earlier create of it may still arrive; it is repeated ` +
        `${this.#api.settings.settleSeconds * (1 + SEND_SHARE)} s after that one`,
      { details: { sent: false } },
    );
  }

  /** null when the mark is there already. */
  async #put(kind: MarkKind, of: string): Promise<KfpExperiment | null> {
    try {
      return await this.#api.createExperiment(markName(kind, of), `{${OURS}}`);
    } catch (error) {
      if (hasCode(error, 'NAME_TAKEN')) return null;
      throw error;
    }
  }

  /** Removes a mark that is old enough; tells what became of it. */
  async #settled(name: string): Promise<'settled' | 'gone' | 'young'> {
    const { held, farNow } = await this.#find(name);
    if (held === null) return 'gone';
    const now = Date.now();
    const seenAt = this.#seen.get(held.experiment_id) ?? now;
    this.#seen.set(held.experiment_id, seenAt);
    const farAge = farNow - (Date.parse(held.created_at) || farNow) - AGE_SLACK_MS;
    const oldMs = this.#api.settings.settleSeconds * 1000 * (1 + SEND_SHARE);
    if (Math.max(farAge, now - seenAt) < oldMs) return 'young';
    await this.#remove(held);
    return 'settled';
  }

  async #find(name: string) {
    const { value, farNow } = await this.#api.experiments([
      { key: 'display_name', operation: 'EQUALS', value: name },
    ]);
    return { held: value[0] ?? null, farNow };
  }

  async #remove(held: KfpExperiment): Promise<void> {
    this.#seen.delete(held.experiment_id);
    try {
      await this.#api.deleteExperiment(held.experiment_id);
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND')) throw error;
    }
  }
}
