import { canonicalJson } from '../../core/canonical.ts';
import type { RouteReading, RouteSpec, Traffic } from '../../core/ports/traffic.ts';
import { checkSplit } from '../../core/rollout/ladder.ts';
import { OrreryError } from '../../core/errors.ts';
import type { Journal, JournalEntry } from './journal.ts';
import type { Requests } from './requests.ts';

/** Where the callers of this world send requests. */
const PROXY_ADDRESS = 'http://proxy.sim:80';

/**
 * The proxy. Before any change of weights the requests so far are counted under the old ones, so
 * that every request is split by the weights in force when it came.
 */
export class SimTraffic implements Traffic {
  readonly #routes = new Map<string, RouteSpec>();
  readonly #requests: Requests;
  readonly #journal: Journal;

  constructor(requests: Requests, journal: Journal) {
    this.#requests = requests;
    this.#journal = journal;
  }

  /** Counts the requests that came until now. */
  settle(): void {
    this.#requests.countUntilNow([...this.#routes.values()]);
  }

  async set(route: RouteSpec): Promise<RouteReading> {
    checkSplit(route.route, route.arms);
    if (route.mirror !== null && !(route.mirror.percent >= 0 && route.mirror.percent <= 100)) {
      throw new OrreryError(
        'WEIGHT_INVALID',
        `Cannot mirror "${route.route}" at ${route.mirror.percent} %: a share is 0–100`,
      );
    }
    this.#replace(route, 'caller');
    return readingOf(route);
  }

  async read(route: string): Promise<RouteReading | null> {
    const spec = this.#routes.get(route);
    return spec === undefined ? null : readingOf(spec);
  }

  async remove(route: string): Promise<void> {
    if (!this.#routes.delete(route)) return;
    this.#journal.add({ what: 'route.removed', route });
  }

  /** A stranger gives one version all traffic of a route. */
  seize(route: string, version: string): void {
    const spec = this.#routes.get(route);
    if (spec === undefined) return;
    const arms = spec.arms.map((arm) => ({
      ...arm,
      weightPercent: arm.version === version ? 100 : 0,
    }));
    checkSplit(route, arms);
    this.#replace({ ...spec, arms }, 'stranger');
  }

  #replace(route: RouteSpec, by: JournalEntry['by']): void {
    const before = this.#routes.get(route.route);
    if (before !== undefined && canonicalJson(before) === canonicalJson(route)) return;
    this.settle();
    this.#routes.set(route.route, route);
    this.#requests.meet(route);
    const weights = route.arms.map((arm) => [arm.version, arm.weightPercent] as const);
    const weightsPercent = Object.fromEntries(weights);
    const mirror = route.mirror?.version ?? null;
    this.#journal.add({ what: 'route.set', route: route.route, weightsPercent, mirror }, by);
  }
}

function readingOf({ route, arms, mirror, sticky }: RouteSpec): RouteReading {
  const mirrorReading =
    mirror === null ? null : { version: mirror.version, percent: mirror.percent };
  return { route, arms, mirror: mirrorReading, sticky, address: PROXY_ADDRESS };
}
