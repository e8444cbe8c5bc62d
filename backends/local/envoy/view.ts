import { askAdminJson } from './admin.ts';
import { LISTENER_NAME, ROUTE_CONFIG_NAME } from './layout.ts';
import type { Cluster, Route } from './resources.ts';

/** What the proxy does now, by its own account. */
export interface ProxyView {
  /** When this Envoy process took its bootstrap, to the millisecond: one value for each process. */
  readonly startedAt: string;
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly routes: ReadonlyMap<string, Route>;
  /** Version of each kind of resource that is in force; null before the first. */
  readonly versions: {
    readonly lds: string | null;
    readonly rds: string | null;
    readonly cds: string | null;
  };
  /** Why the listener is not open, if Envoy could not open it. */
  readonly listenerError: string | null;
}

/** The parts of envoy.admin.v3's config dump that are read here. */
interface Dump {
  readonly configs: readonly {
    readonly last_updated?: string;
    readonly bootstrap?: unknown;
    readonly version_info?: string;
    readonly dynamic_active_clusters?: readonly { readonly cluster: Cluster }[];
    readonly dynamic_listeners?: readonly {
      readonly name: string;
      readonly active_state?: { readonly version_info: string };
      readonly error_state?: { readonly details?: string };
    }[];
    readonly dynamic_route_configs?: readonly {
      readonly version_info: string;
      readonly route_config: {
        readonly name: string;
        readonly virtual_hosts?: readonly { readonly routes?: readonly Route[] }[];
      };
    }[];
  }[];
}

/** @throws OrreryError PROXY_REFUSED */
export async function viewProxy(adminPort: number): Promise<ProxyView> {
  return readDump((await askAdminJson(adminPort, '/config_dump')) as Dump);
}

/** Parts of the dump are told apart by their members, each of which only one part has. */
function readDump({ configs }: Dump): ProxyView {
  const listener = configs
    .flatMap((part) => part.dynamic_listeners ?? [])
    .find(({ name }) => name === LISTENER_NAME);
  const routing = configs
    .flatMap((part) => part.dynamic_route_configs ?? [])
    .find(({ route_config }) => route_config.name === ROUTE_CONFIG_NAME);
  const clustering = configs.find((part) => part.dynamic_active_clusters !== undefined);
  const clusters = clustering?.dynamic_active_clusters ?? [];
  const hosts = routing?.route_config.virtual_hosts ?? [];
  return {
    startedAt: configs.find((part) => part.bootstrap !== undefined)?.last_updated ?? '',
    clusters: new Map(clusters.map(({ cluster }) => [cluster.name, cluster])),
    routes: new Map(
      hosts.flatMap(({ routes }) => routes ?? []).map((route) => [route.name, route]),
    ),
    versions: {
      lds: listener?.active_state?.version_info ?? null,
      rds: routing?.version_info ?? null,
      cds: clustering?.version_info ?? null,
    },
    listenerError: listener?.error_state?.details ?? null,
  };
}
