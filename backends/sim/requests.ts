import type { ArmCounters } from '../../core/ports/metrics.ts';
import type { RouteSpec } from '../../core/ports/traffic.ts';
import type { VirtualClock } from './clock.ts';
import { createRandom, type Random } from './random.ts';
import { versionOf, type FullScript } from './settings.ts';

interface Arm {
  readonly version: string;
  readonly address: string;
  readonly epoch: string;
  requests: number;
  errors: number;
  slow: number;
}

/**
 * Longest stretch that is drawn at once, milliseconds; incidents and restarts begin and end at
 * whole multiples of it at the latest. Long waits are drawn in `STRETCHES_MAX` longer stretches.
 */
const STRETCH_MS = 1000;
const STRETCHES_MAX = 20_000;
/** What a request takes that is not slow, milliseconds. */
const FAST_MS = 10;

/** The requests of all callers, counted by arm as a proxy counts them. */
export class Requests {
  readonly #script: FullScript;
  readonly #clock: VirtualClock;
  /** Whether the world knows that nothing answers on this address any more. */
  readonly #isDown: (address: string) => boolean;
  readonly #arms = new Map<string, Arm>();
  #countedUntil: number;
  #restarts = 0;

  constructor(script: FullScript, clock: VirtualClock, isDown: (address: string) => boolean) {
    this.#script = script;
    this.#clock = clock;
    this.#isDown = isDown;
    this.#countedUntil = clock.now();
  }

  /** Begins to count the arms of a route. A version on a new address is counted from 0 again. */
  meet(route: RouteSpec): void {
    const targets = [...route.arms, ...(route.mirror === null ? [] : [route.mirror])];
    for (const { version, address } of targets) {
      const key = armKey(route.route, version);
      if (this.#arms.get(key)?.address === address) continue;
      this.#arms.set(key, this.#newArm(version, address));
    }
  }

  countUntilNow(routes: readonly RouteSpec[]): void {
    const now = this.#clock.now();
    const stretchMs = Math.max(STRETCH_MS, (now - this.#countedUntil) / STRETCHES_MAX);
    while (this.#countedUntil < now) {
      const from = this.#countedUntil;
      const gridMs = Math.floor((from - this.#clock.startedAt) / stretchMs + 1) * stretchMs;
      const until = Math.min(now, Math.max(this.#clock.startedAt + gridMs, from + 1));
      this.#restartIfDue(from);
      for (const route of routes) this.#countStretch(route, from, until);
      this.#countedUntil = until;
    }
    this.#restartIfDue(now);
  }

  /** Counters of an arm; null before its first request. */
  counters(route: string, version: string, latencyMsMax: number): ArmCounters | null {
    const arm = this.#arms.get(armKey(route, version));
    if (arm === undefined || arm.requests === 0) return null;
    const { epoch, requests, errors } = arm;
    const { slowMs } = versionOf(this.#script, version);
    // A bound under what a fast request takes makes every request a slow one.
    const slow = latencyMsMax < FAST_MS ? requests : latencyMsMax < slowMs ? arm.slow : 0;
    return { version, epoch, requests, errors, slow };
  }

  #countStretch(route: RouteSpec, from: number, until: number): void {
    const { seed, requestsPerSecond } = this.#script;
    const random = createRandom(seed, `requests/${route.route}/${from}`);
    const total = random.poisson(requestsPerSecond * ((until - from) / 1000));
    let left = total;
    let weightLeft = 100;
    for (const { version, weightPercent } of route.arms) {
      const share = weightLeft === 0 ? 0 : weightPercent / weightLeft;
      const requests = random.binomial(left, share);
      left -= requests;
      weightLeft -= weightPercent;
      this.#countArm(route.route, version, requests, from, random);
    }
    if (route.mirror === null) return;
    const copies = random.binomial(total, route.mirror.percent / 100);
    this.#countArm(route.route, route.mirror.version, copies, from, random);
  }

  #countArm(route: string, version: string, requests: number, at: number, random: Random): void {
    const arm = this.#arms.get(armKey(route, version));
    if (arm === undefined || requests === 0) return;
    const rates = this.#ratesOf(version, (at - this.#clock.startedAt) / 1000);
    const errorRate = this.#isDown(arm.address) ? 1 : rates.errorRate;
    arm.requests += requests;
    arm.errors += random.binomial(requests, errorRate);
    arm.slow += random.binomial(requests, rates.slowRate);
  }

  /** Incidents of now add to the version's own rates, independently. */
  #ratesOf(version: string, second: number): { errorRate: number; slowRate: number } {
    const { errorRate, slowRate } = versionOf(this.#script, version);
    const now = this.#script.incidents.filter(
      (incident) =>
        second >= incident.fromSecond &&
        second < incident.toSecond &&
        (incident.version === null || incident.version === version),
    );
    const join = (own: number, others: readonly number[]): number =>
      1 - others.reduce((none, rate) => none * (1 - rate), 1 - own);
    return {
      errorRate: join(
        errorRate,
        now.map((incident) => incident.errorRate),
      ),
      slowRate: join(
        slowRate,
        now.map((incident) => incident.slowRate),
      ),
    };
  }

  #restartIfDue(at: number): void {
    const second = (at - this.#clock.startedAt) / 1000;
    const due = this.#script.metricsRestarts.filter((restart) => restart <= second).length;
    if (due === this.#restarts) return;
    this.#restarts = due;
    for (const [key, arm] of this.#arms) {
      this.#arms.set(key, this.#newArm(arm.version, arm.address));
    }
  }

  #newArm(version: string, address: string): Arm {
    const epoch = `${this.#restarts}/${address}`;
    return { version, address, epoch, requests: 0, errors: 0, slow: 0 };
  }
}

function armKey(route: string, version: string): string {
  return `${route}/${version}`;
}
