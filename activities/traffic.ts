import { OrreryError } from '../core/errors.ts';
import type { RouteReading, RouteSpec } from '../core/ports/traffic.ts';
import { checkSplit } from '../core/rollout/ladder.ts';
import type { Deps } from './deps.ts';
import { portOf } from './deps.ts';

export function createTrafficActivities(deps: Deps) {
  return {
    /**
     * Sets the weights and answers with what the proxy then really does.
     *
     * @throws WEIGHT_INVALID, PROXY_REFUSED when the weights read back are not those wanted
     */
    async shiftTraffic(input: { backend: string; route: RouteSpec }): Promise<RouteReading> {
      checkSplit(input.route.route, input.route.arms);
      const traffic = await portOf(deps, input.backend, 'traffic');
      await traffic.set(input.route);
      const reading = await traffic.read(input.route.route);
      for (const { version, weightPercent } of input.route.arms) {
        const served = weightOf(reading, version);
        if (served !== weightPercent) {
          throw new OrreryError(
            'PROXY_REFUSED',
            `Cannot shift "${input.route.route}" ${version}: the proxy serves it ${served} %, wanted ${weightPercent} %`,
          );
        }
      }
      return reading as RouteReading;
    },
    /** @throws ROLLBACK_UNVERIFIED while the version still has a weight; retried until it has none */
    async verifyNoTraffic(input: {
      backend: string;
      route: string;
      version: string;
    }): Promise<{ weightPercent: 0 }> {
      const traffic = await portOf(deps, input.backend, 'traffic');
      const served = weightOf(await traffic.read(input.route), input.version);
      if (served !== 0) {
        throw new OrreryError(
          'ROLLBACK_UNVERIFIED',
          `Cannot confirm the rollback of "${input.route}" ${input.version}: the proxy serves it ${served} %, wanted 0 %`,
        );
      }
      return { weightPercent: 0 };
    },
    async removeRoute(input: { backend: string; route: string }): Promise<void> {
      await (await portOf(deps, input.backend, 'traffic')).remove(input.route);
    },
  };
}

function weightOf(reading: RouteReading | null, version: string): number {
  return reading?.arms.find((arm) => arm.version === version)?.weightPercent ?? 0;
}
