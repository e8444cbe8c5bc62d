import { OrreryError } from '../../core/errors.ts';
import type { WorkLabels } from '../../core/labels.ts';
import type { JobPhase } from '../../core/ports/compute.ts';
import type { RemoteWork } from '../../core/ports/inventory.ts';
import type { VirtualClock } from './clock.ts';
import type { Journal } from './journal.ts';
import { sleepUntil } from './waiting.ts';

interface Intent<Spec> {
  readonly key: string;
  readonly specDigest: string;
  readonly spec: Spec;
}
interface Handle {
  readonly key: string;
  readonly remoteId: string;
}
interface Reading {
  readonly phase: JobPhase;
  readonly revision: number;
}

/**
 * One kind of work as a function of time: a life is planned when it begins, and reading it seldom or
 * often shows the same one.
 */
export interface WorkKind<Spec, Life, R extends Reading> {
  readonly noun: 'run' | 'search';
  readonly port: RemoteWork['port'];
  /** @param earlier works of the same spec before this one */
  begin(spec: Spec, now: number, earlier: number): Life;
  endAt(life: Life): number;
  /** The next time at which a reading changes, at most the end. */
  nextChangeAt(life: Life, now: number): number;
  /** The same life, cut off at a time. */
  cut(life: Life, at: number): Life;
  reading(intent: Intent<Spec>, life: Life, now: number): R;
  /** Of a key that nobody has. */
  unknown(key: string): R;
}

interface Work<Spec, Life> {
  readonly intent: Intent<Spec>;
  readonly handle: Handle;
  readonly startedAt: number;
  life: Life;
  stopAsked: boolean;
  endTold: boolean;
  /** Called when something other than time changes the work. */
  readonly watchers: Set<() => void>;
}

interface Surroundings {
  readonly clock: VirtualClock;
  readonly journal: Journal;
  /** Seconds from being asked to stop to the end. */
  readonly stopSeconds: number;
}

/** Start, read and stop of one kind of work, with the world's own account of what was done. */
export class FarWork<Spec extends { readonly labels: WorkLabels }, Life, R extends Reading> {
  readonly #kind: WorkKind<Spec, Life, R>;
  readonly #world: Surroundings;
  readonly #works = new Map<string, Work<Spec, Life>>();

  constructor(kind: WorkKind<Spec, Life, R>, world: Surroundings) {
    this.#kind = kind;
    this.#world = world;
  }

  /** Takes note of every end that has come. */
  settle(): void {
    const { clock, journal } = this.#world;
    const { noun, endAt } = this.#kind;
    for (const work of this.#works.values()) {
      const at = endAt(work.life);
      if (work.endTold || clock.now() < at) continue;
      work.endTold = true;
      const { key } = work.intent;
      journal.add({ what: `${noun}.ended`, key, phase: this.#reading(work).phase }, 'caller', at);
    }
  }

  async start(intent: Intent<Spec>): Promise<{ handle: Handle; outcome: Outcome }> {
    const { clock, journal } = this.#world;
    const { noun } = this.#kind;
    const { key, spec, specDigest } = intent;
    const found = this.#works.get(key);
    if (found === undefined) {
      const others = [...this.#works.values()];
      const earlier = others.filter((other) => other.intent.specDigest === specDigest).length;
      const life = this.#kind.begin(spec, clock.now(), earlier);
      const handle = { key, remoteId: `sim-${noun}-${others.length + 1}` };
      const fresh = { stopAsked: false, endTold: false, watchers: new Set<() => void>() };
      this.#works.set(key, { intent, handle, startedAt: clock.now(), life, ...fresh });
      journal.add({ what: `${noun}.started`, key, workflowId: spec.labels.workflowId });
      return { handle, outcome: 'created' };
    }
    if (found.intent.specDigest !== specDigest) {
      throw new OrreryError(
        'NAME_TAKEN',
        `Cannot start ${key}: a ${noun} of this key has the spec ${found.intent.specDigest}, wanted ${specDigest}`,
      );
    }
    const { phase } = this.#reading(found);
    const dead = !isLive(phase) && phase !== 'succeeded';
    journal.add({ what: dead ? `${noun}.found-dead` : `${noun}.adopted`, key });
    return { handle: found.handle, outcome: dead ? 'dead' : 'adopted' };
  }

  async read(
    { key }: Handle,
    waiting?: { readonly since: number; readonly waitMs: number } | null,
  ): Promise<R> {
    const work = this.#works.get(key);
    if (work === undefined) return this.#kind.unknown(key);
    const { clock } = this.#world;
    const untilAt = clock.now() + (waiting?.waitMs ?? 0);
    const since = waiting?.since ?? -1;
    while (this.#reading(work).revision <= since && clock.now() < untilAt) {
      const ended = clock.now() >= this.#kind.endAt(work.life);
      const changeAt = ended ? untilAt : this.#kind.nextChangeAt(work.life, clock.now());
      await this.#wait(work, Math.min(changeAt, untilAt));
    }
    return this.#reading(work);
  }

  async stop({ key }: Handle): Promise<R> {
    const work = this.#works.get(key);
    if (work === undefined) return this.#kind.unknown(key);
    const { clock, journal, stopSeconds } = this.#world;
    const { endAt, cut, noun } = this.#kind;
    const at = clock.now() + stopSeconds * 1000;
    if (clock.now() < endAt(work.life) && !work.stopAsked) {
      journal.add({ what: `${noun}.stop-asked`, key });
      work.stopAsked = true;
      // What ends by itself before the stop has its effect keeps its own end.
      if (at < endAt(work.life)) this.#change(work, cut(work.life, at));
    }
    while (clock.now() < endAt(work.life)) await this.#wait(work, endAt(work.life));
    return this.#reading(work);
  }

  /** Gives a work that has ended another life under the same handle. */
  revive({ key }: Handle, next: (spec: Spec, life: Life, now: number) => Life | null): R {
    const work = this.#works.get(key);
    if (work === undefined) return this.#kind.unknown(key);
    const life = next(work.intent.spec, work.life, this.#world.clock.now());
    if (life !== null) {
      work.stopAsked = false;
      work.endTold = false;
      this.#change(work, life);
      this.#world.journal.add({ what: `${this.#kind.noun}.retried`, key });
    }
    return this.#reading(work);
  }

  list(told: (spec: Spec, reading: R) => Pick<RemoteWork, 'billableSeconds' | 'costUsd'>) {
    return [...this.#works.values()].map((work): RemoteWork => {
      const { intent, handle, startedAt } = work;
      const reading = this.#reading(work);
      return {
        port: this.#kind.port,
        ...handle,
        phase: reading.phase,
        labels: intent.spec.labels,
        startedAt: new Date(startedAt).toISOString(),
        ...told(intent.spec, reading),
      };
    });
  }

  #reading(work: Work<Spec, Life>): R {
    return this.#kind.reading(work.intent, work.life, this.#world.clock.now());
  }

  #change(work: Work<Spec, Life>, life: Life): void {
    work.life = life;
    for (const changed of work.watchers) changed();
  }

  async #wait(work: Work<Spec, Life>, at: number): Promise<void> {
    await sleepUntil(this.#world.clock, work.watchers, at);
    this.settle();
  }
}

type Outcome = 'created' | 'adopted' | 'dead';

export function isLive(phase: JobPhase): boolean {
  return phase === 'pending' || phase === 'running';
}
