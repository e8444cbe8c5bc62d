import type { HttpRoute, ParentReference } from './objects.ts';

/** What the gateways say about the present generation of an HTTPRoute. */
export type Acceptance =
  | { readonly state: 'accepted' }
  | { readonly state: 'pending'; readonly told: string }
  | { readonly state: 'refused'; readonly told: string };

/** Conditions that must be True. https://gateway-api.sigs.k8s.io/guides/implementers/#status-and-conditions */
const NEEDED = ['Accepted', 'ResolvedRefs'] as const;

/**
 * A gateway's controller writes, for each parent, the generation that it has taken. Older conditions
 * speak of an older split; none at all means that no gateway has looked yet.
 *
 * @param gateway the parent that counts; every parent when null
 */
export function acceptanceOf(
  { metadata, status }: HttpRoute,
  gateway: Pick<ParentReference, 'name' | 'namespace'> | null,
): Acceptance {
  const generation = metadata.generation ?? 0;
  const parents = (status?.parents ?? []).filter(
    ({ parentRef }) =>
      gateway === null ||
      (parentRef.name === gateway.name &&
        (parentRef.namespace ?? metadata.namespace) === gateway.namespace),
  );
  if (parents.length === 0) return { state: 'pending', told: 'no gateway has taken the route' };
  const now = parents.flatMap(({ conditions = [] }) =>
    conditions.filter(({ observedGeneration = 0 }) => observedGeneration >= generation),
  );
  const bad = now.find(
    ({ type, status: state }) =>
      (NEEDED.some((needed) => needed === type) && state === 'False') ||
      (type === 'PartiallyInvalid' && state === 'True'),
  );
  if (bad !== undefined) {
    const told = `the gateway says ${bad.reason ?? bad.type}: ${bad.message ?? 'without a message'}`;
    return { state: 'refused', told };
  }
  const isTaken = parents.every(({ conditions = [] }) =>
    NEEDED.every((needed) =>
      conditions.some(
        ({ type, status: state, observedGeneration = 0 }) =>
          type === needed && state === 'True' && observedGeneration >= generation,
      ),
    ),
  );
  if (isTaken) return { state: 'accepted' };
  return { state: 'pending', told: `no gateway has taken generation ${generation} of the route` };
}
