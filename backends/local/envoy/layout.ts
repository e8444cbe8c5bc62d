/**
 * Where the proxy's files lie, under `<home>/envoy`. Each kind of resource has a folder of its own,
 * because Envoy reads a file again when anything is renamed into its watched folder: shared, every
 * update would reload, and count, all three.
 */
import { join } from 'node:path';

/** Listener, route and cluster discovery service. */
export type DiscoveryKind = 'lds' | 'rds' | 'cds';

export const SERVICE_NAME = 'envoy';
export const ROUTE_CONFIG_NAME = 'routes';
export const LISTENER_NAME = 'callers';
/** Key of our facts in the metadata of a cluster. */
export const METADATA_KEY = 'orrery';

export interface ProxyLayout {
  readonly bootstrap: string;
  readonly ports: string;
  folder(kind: DiscoveryKind): string;
  file(kind: DiscoveryKind): string;
}

export function proxyLayout(home: string): ProxyLayout {
  const root = join(home, 'envoy');
  const folder = (kind: DiscoveryKind) => join(root, kind);
  return {
    bootstrap: join(root, 'bootstrap.json'),
    ports: join(root, 'ports.json'),
    folder,
    file: (kind) => join(folder(kind), `${kind}.json`),
  };
}
