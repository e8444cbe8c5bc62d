import { firstBeliefs, nextBeliefs } from './market.ts';
import type { Seen } from './situation.ts';

/** What has been seen after the first look, which stands for `seconds`. */
export function firstSeen(available: boolean, seconds: number): Seen {
  return {
    available,
    ageSeconds: seconds,
    availableSeconds: available ? seconds : 0,
    unavailableSeconds: available ? 0 : seconds,
    losses: 0,
    beliefs: firstBeliefs(available),
  };
}

/** What has been seen after one more look; null stands for nothing before it. */
export function observe(seen: Seen | null, available: boolean, seconds: number): Seen {
  if (seen === null) return firstSeen(available, seconds);
  const ended = seen.available !== available;
  return {
    available,
    ageSeconds: ended ? seconds : seen.ageSeconds + seconds,
    availableSeconds: seen.availableSeconds + (available ? seconds : 0),
    unavailableSeconds: seen.unavailableSeconds + (available ? 0 : seconds),
    losses: seen.losses + (seen.available && !available ? 1 : 0),
    beliefs: nextBeliefs(seen.beliefs, seen.available, seen.ageSeconds, ended, seconds),
  };
}
