import { OrreryError } from '../errors.ts';
import type { ServingFact } from '../ports/models.ts';

type NextFact = Omit<ServingFact, 'generation'>;

export interface Claimant {
  readonly version: string;
  /** The rollout's workflow id. */
  readonly owner: string;
}

/**
 * The fact with this release as the challenger: one release per model and region at a time.
 *
 * @throws OrreryError RELEASE_BUSY when another release holds the region; ORDER_REFUSED when the
 * version serves already
 */
export function claimFact(fact: ServingFact, claimant: Claimant): NextFact {
  if (fact.challenger !== null && fact.challenger.owner !== claimant.owner) {
    throw new OrreryError(
      'RELEASE_BUSY',
      `Cannot release ${claimant.version}: ${fact.challenger.owner} releases ${fact.challenger.version} here, wanted nobody`,
    );
  }
  if (fact.champion === claimant.version) {
    throw new OrreryError(
      'ORDER_REFUSED',
      `Cannot release ${claimant.version}: it is the champion here already`,
    );
  }
  return { champion: fact.champion, previous: fact.previous, challenger: { ...claimant } };
}

/** The challenger becomes champion; the claim stays until the release is over. */
export function promoteFact(fact: ServingFact, claimant: Claimant): NextFact {
  return { champion: claimant.version, previous: fact.champion, challenger: { ...claimant } };
}

/** The promoted version is taken back: the champion before it serves again. */
export function demoteFact(before: NextFact, claimant: Claimant): NextFact {
  return { champion: before.champion, previous: before.previous, challenger: { ...claimant } };
}

/** The release is over and holds the region no longer. */
export function unclaimFact(fact: ServingFact): NextFact {
  return { champion: fact.champion, previous: fact.previous, challenger: null };
}
