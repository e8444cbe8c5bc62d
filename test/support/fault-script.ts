import { createRandom } from '../../backends/sim/random.ts';
import type { DecideFault, ProxyFault } from './fault-proxy.ts';

/** Faults by a list, each for the first call from now on that it fits; every other passes. */
export function scriptedFaults(
  script: readonly {
    /** What the call must look like: `POST /apis/` is tested against `method path`. */
    readonly on: RegExp;
    /** Which of the calls that fit, counted from 1; default 1. */
    readonly nth?: number;
    /** How many from there on; default 1. */
    readonly times?: number;
    readonly fault: ProxyFault;
  }[],
): DecideFault {
  const counts = script.map(() => 0);
  return ({ method, path }) => {
    let chosen: ProxyFault | null = null;
    for (const [at, { on, nth = 1, times = 1, fault }] of script.entries()) {
      if (!on.test(`${method} ${path}`)) continue;
      const count = (counts[at] = (counts[at] ?? 0) + 1);
      if (chosen === null && count >= nth && count < nth + times) chosen = fault;
    }
    return chosen;
  };
}

/** Faults by a seed: each call that fits is struck with this probability, by one of these faults. */
export function seededFaults(options: {
  readonly seed: number;
  /** 0–1. */
  readonly probability: number;
  readonly faults: readonly ProxyFault[];
  /** As in `scriptedFaults`; every call when absent. */
  readonly on?: RegExp;
  /** After so many faults all calls pass; no limit when absent. */
  readonly faultsMax?: number;
}): DecideFault {
  const random = createRandom(options.seed, 'proxy');
  let left = options.faultsMax ?? Infinity;
  return ({ method, path }) => {
    if (options.on !== undefined && !options.on.test(`${method} ${path}`)) return null;
    const struck = random.next() < options.probability;
    const which = Math.floor(random.next() * options.faults.length);
    if (!struck || left <= 0) return null;
    left -= 1;
    return options.faults[which] ?? null;
  };
}
