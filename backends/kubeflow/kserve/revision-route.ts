import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { readArmFacts } from './names.ts';
import type { ArmFacts } from './names.ts';
import { paths } from './objects.ts';
import type { InferenceService, Predictor, Revision } from './objects.ts';
import { ownMembers } from './predictor.ts';
import { applyRouteService, isGoing, isStopped, readRouteService } from './route-services.ts';

/** Longest list of revisions that one status names: traffic, newest, rolled out, the one before. */
const REVISIONS_MAX = 16;

const KNATIVE_ANNOTATIONS = { 'serving.kserve.io/deploymentMode': 'Knative' } as const;

/**
 * A route as revisions of one InferenceService in Knative mode, which holds two versions: the newest,
 * and the one that was rolled out before it. `canaryTrafficPercent` is the newest one's share; without
 * it the newest has all, and there is no way back.
 *
 * Which version a revision is, its own annotations say: Knative copies those of the predictor into
 * each one. `observedGeneration` does not tell (it is copied from the Knative service), and neither
 * does the order of names.
 */
export interface RevisionRoute {
  readonly route: string;
  readonly service: InferenceService;
  /** What `spec.predictor` asks for. */
  readonly newest: ArmFacts;
  /** Whether its revision has become ready; while not, the share of the newest goes elsewhere. */
  readonly newestReady: boolean;
  readonly before: ArmFacts | null;
  /** Whether `canaryTrafficPercent` has a version to leave the rest to: without it KServe ignores the share. */
  readonly isRolledOut: boolean;
  /** Key of a version → percent of the requests that its revisions get. */
  readonly percents: ReadonlyMap<string, number>;
}

export const isServed = ({ service }: RevisionRoute) => !isGoing(service) && !isStopped(service);

export async function readRevisionRoute(
  client: KubernetesClient,
  route: string,
): Promise<RevisionRoute | null> {
  const service = await readRouteService(client, route);
  return service === null ? null : revisionRouteOf(client, route, service);
}

/** null when the predictor is none of ours. */
export async function revisionRouteOf(
  client: KubernetesClient,
  route: string,
  service: InferenceService,
): Promise<RevisionRoute | null> {
  const newest = readArmFacts(service.spec.predictor.annotations);
  if (newest === null) return null;
  const status = service.status?.components?.predictor ?? {};
  const { traffic = [], latestReadyRevision, latestRolledoutRevision } = status;
  const names = [
    ...traffic.map(({ revisionName }) => revisionName),
    latestReadyRevision,
    latestRolledoutRevision,
    status.previousRolledoutRevision,
  ].filter((name): name is string => name !== undefined && name !== '');
  const known = await readRevisions(client, names);
  const isOf = (name: string | undefined, { key, spec }: ArmFacts) => {
    const facts = known.get(name ?? '');
    return facts?.key === key && facts.spec === spec;
  };
  const percents = new Map<string, number>();
  for (const { revisionName, percent = 0 } of traffic) {
    const key = known.get(revisionName ?? '')?.key ?? `revision ${revisionName ?? 'unknown'}`;
    percents.set(key, (percents.get(key) ?? 0) + percent);
  }
  const hasWayBack = service.spec.predictor.canaryTrafficPercent !== undefined;
  const before = names.map((name) => known.get(name)).find((facts) => isOther(facts, newest));
  return {
    route,
    service,
    newest,
    newestReady: isOf(latestReadyRevision, newest),
    before: hasWayBack ? (before ?? null) : null,
    isRolledOut: isOf(latestRolledoutRevision, newest),
    percents,
  };
}

function isOther(facts: ArmFacts | undefined, newest: ArmFacts): boolean {
  return facts !== undefined && facts.key !== newest.key;
}

async function readRevisions(
  client: KubernetesClient,
  names: readonly string[],
): Promise<ReadonlyMap<string, ArmFacts>> {
  const known = new Map<string, ArmFacts>();
  for (const name of [...new Set(names)].slice(0, REVISIONS_MAX)) {
    const revision = await client.get<Revision>(paths.revision(client.namespace, name));
    const facts = readArmFacts(revision?.metadata.annotations);
    if (facts !== null) known.set(name, facts);
  }
  return known;
}

/** `canaryPercent` null: the newest takes all, and no version is kept beside it. */
export interface RevisionChange {
  readonly predictor: Predictor;
  readonly canaryPercent: number | null;
  readonly stopped?: boolean;
}

/** @returns false when somebody was faster */
export function applyRevisionRoute(
  client: KubernetesClient,
  route: string,
  { predictor, canaryPercent, stopped = false }: RevisionChange,
  before: InferenceService | null,
): Promise<boolean> {
  return applyRouteService(
    client,
    {
      route,
      annotations: KNATIVE_ANNOTATIONS,
      stopped,
      spec: {
        predictor: {
          ...ownMembers(predictor),
          ...(canaryPercent === null ? {} : { canaryTrafficPercent: canaryPercent }),
        },
      },
    },
    before,
  );
}
