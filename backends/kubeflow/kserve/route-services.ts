import { OrreryError } from '../../../core/errors.ts';
import { LABELS } from '../../../core/labels.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { notOurs } from './failures.ts';
import { isOurs, ourLabels, routeObject } from './names.ts';
import { paths } from './objects.ts';
import type { InferenceService, InferenceServiceSpec } from './objects.ts';
import { API_VERSION, ROUTE_ANNOTATION, STOP_ANNOTATION } from './predictor.ts';

/** What one InferenceService for all versions of a route is told; `canaries` and `revisions`. */
export interface RouteServiceChange {
  readonly route: string;
  /** Beside our own: what decides the mode. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Stopped: KServe takes servers and routes away and keeps the object. */
  readonly stopped: boolean;
  readonly spec: InferenceServiceSpec;
}

/** @throws OrreryError NAME_TAKEN for an InferenceService of somebody else */
export async function readRouteService(
  client: KubernetesClient,
  route: string,
): Promise<InferenceService | null> {
  const name = routeObject(route, client.namespace);
  const found = await client.get<InferenceService>(paths.inferenceService(client.namespace, name));
  if (found === null || isOurs(found.metadata.labels)) return found;
  throw notOurs(name);
}

/** All InferenceServices of ours that stand for a route. */
export async function listRouteServices(
  client: KubernetesClient,
): Promise<readonly (InferenceService & { readonly route: string })[]> {
  const { items } = await client.list<InferenceService>(paths.inferenceServices(client.namespace), {
    labelSelector: `${LABELS.managed}=true`,
  });
  return items.flatMap((service) => {
    const route = service.metadata.annotations?.[ROUTE_ANNOTATION];
    return route === undefined ? [] : [{ ...service, route }];
  });
}

/**
 * Applies the change to the object as it was read, or makes it.
 *
 * @param before as it was read; a change that somebody made since then is not overwritten
 * @returns false when somebody was faster: read again and decide anew
 */
export async function applyRouteService(
  client: KubernetesClient,
  { route, annotations, stopped, spec }: RouteServiceChange,
  before: InferenceService | null,
): Promise<boolean> {
  const [model = ''] = route.split('.');
  const name = routeObject(route, client.namespace);
  try {
    await client.patch(paths.inferenceService(client.namespace, name), 'apply', {
      apiVersion: API_VERSION,
      kind: 'InferenceService',
      metadata: {
        name,
        namespace: client.namespace,
        labels: ourLabels({ model }),
        annotations: {
          ...annotations,
          [ROUTE_ANNOTATION]: route,
          ...(stopped ? { [STOP_ANNOTATION]: 'true' } : {}),
        },
        ...(before === null ? {} : { resourceVersion: before.metadata.resourceVersion }),
      },
      spec,
    });
    return true;
  } catch (error) {
    const lost = error instanceof OrreryError && error.details['reason'] === 'Conflict';
    if (lost) return false;
    throw error;
  }
}

export function isStopped({ metadata }: InferenceService): boolean {
  return metadata.annotations?.[STOP_ANNOTATION] === 'true';
}

export function isGoing({ metadata }: InferenceService): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** `http://host` of a status as callers need it: with its port. */
export function callersAddress(url: string): string {
  const { protocol, hostname, port, pathname } = new URL(url);
  const known = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
  return `${protocol}//${hostname}:${known}${pathname === '/' ? '' : pathname}`;
}
