import { OrreryError } from '../../../core/errors.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { paths } from './objects.ts';
import type { Deployment } from './objects.ts';
import type { KserveSettings, Split } from './settings.ts';

/** What the cluster serves, read once: it changes only with an installation. */
export interface Platform {
  readonly split: Split;
  /** `0.17.0`; null where it could not be read. */
  readonly version: string | null;
  /** Whether HTTPRoutes can mirror a share of requests, not only all of them. */
  readonly mirrorsShare: boolean;
}

export interface OpenApiSchema {
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly items?: OpenApiSchema;
}

interface Crd {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly schema?: { readonly openAPIV3Schema?: OpenApiSchema };
    }[];
  };
}

const SERVICES_CRD = 'inferenceservices.serving.kserve.io';
const ROUTES_CRD = 'httproutes.gateway.networking.k8s.io';

/**
 * Chooses how traffic is shared, by what the cluster serves.
 *
 * @throws OrreryError VERSION_UNSUPPORTED, SETTINGS_INVALID when the setting asks for what is not served
 */
export async function readPlatform(
  client: KubernetesClient,
  settings: KserveSettings,
): Promise<Platform> {
  const service = await servedSchema(client, SERVICES_CRD, 'v1beta1');
  if (service === null) {
    throw new OrreryError(
      'VERSION_UNSUPPORTED',
      `Cannot serve on ${client.server}: it has no ${SERVICES_CRD} in v1beta1, wanted KServe 0.17 or later`,
    );
  }
  const version = await readVersion(client, settings);
  if (version !== null) checkVersion(version);
  const split = chooseSplit(settings, at(service, 'spec', 'canary') !== null);
  if (split === 'canaries' && version === null) {
    throw new OrreryError(
      'VERSION_UNSUPPORTED',
      `Cannot split traffic by spec.canary: the version of KServe is unknown, since Deployment ${settings.controller.namespace}/${settings.controller.deployment} could not be read or has no version, wanted 0.20.1 or later; name it in the setting "controller.version"`,
    );
  }
  const routes = split === 'http-route' ? await servedSchema(client, ROUTES_CRD, 'v1') : null;
  if (split === 'http-route') checkGateway(client, settings, routes !== null);
  const mirror = at(routes, 'spec', 'rules', 'filters', 'requestMirror', 'percent');
  return { split, version, mirrorsShare: mirror !== null };
}

/**
 * KServe 0.20.0 is refused: it is the first with `spec.canary`, but the sources of its tag weigh no
 * HTTPRoute (kserve/kserve#5912 came after it), so `trafficPercent` says what nobody does; and builds
 * with #5912 send traffic to canaries that are not ready (#5983) until #5984, which came later still.
 *
 * @throws OrreryError VERSION_UNSUPPORTED
 */
export function checkVersion(version: string): void {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  if (major === 0 && minor === 20 && patch === 0) {
    throw new OrreryError(
      'VERSION_UNSUPPORTED',
      `Cannot serve on KServe ${version}: it takes spec.canary without weighing its routes by it (kserve/kserve#5912), and without holding traffic back from canaries that are not ready (#5983, #5984), wanted 0.17 to 0.19, or 0.20.1 and later`,
    );
  }
  if (major === 0 && minor < 17) {
    throw new OrreryError(
      'VERSION_UNSUPPORTED',
      `Cannot serve on KServe ${version}: it is older than what was tried, wanted 0.17 or later`,
    );
  }
}

export function chooseSplit(settings: Pick<KserveSettings, 'split'>, hasCanary: boolean): Split {
  if (settings.split === 'auto') return hasCanary ? 'canaries' : 'http-route';
  if (settings.split === 'canaries' && !hasCanary) {
    throw new OrreryError(
      'VERSION_UNSUPPORTED',
      'Cannot split traffic by spec.canary: the served InferenceService has no such field, wanted KServe 0.20.1 or later, or the setting "split" as "http-route"',
    );
  }
  return settings.split;
}

/** The member of a schema under this path, through lists; null when it has none. */
export function at(schema: OpenApiSchema | null, ...path: readonly string[]): OpenApiSchema | null {
  let here: OpenApiSchema | null = schema;
  for (const name of path) here = (here?.items ?? here)?.properties?.[name] ?? null;
  return here;
}

async function servedSchema(
  client: KubernetesClient,
  name: string,
  version: string,
): Promise<OpenApiSchema | null> {
  const crd = await client.get<Crd>(paths.crd(name));
  const served = crd?.spec.versions.find((entry) => entry.name === version && entry.served);
  return served?.schema?.openAPIV3Schema ?? null;
}

function checkGateway(client: KubernetesClient, settings: KserveSettings, hasRoutes: boolean) {
  if (!hasRoutes) {
    throw new OrreryError(
      'VERSION_UNSUPPORTED',
      `Cannot split traffic by HTTPRoute on ${client.server}: it serves no ${ROUTES_CRD} in v1, wanted Gateway API 1.0 or later`,
    );
  }
  if (settings.gateway !== undefined) return;
  throw new OrreryError(
    'SETTINGS_INVALID',
    'Cannot split traffic by HTTPRoute: the setting "gateway" is missing, wanted {namespace, name, domain}',
  );
}

/** From the setting, else from the image's tag, else from the label that Helm charts write. */
async function readVersion(
  client: KubernetesClient,
  { controller }: KserveSettings,
): Promise<string | null> {
  if (controller.version !== undefined) return plainVersion(controller.version);
  let found: Deployment | null;
  try {
    found = await client.get<Deployment>(
      paths.deployment(controller.namespace, controller.deployment),
    );
  } catch (error) {
    if (error instanceof OrreryError && error.code === 'ACCESS_DENIED') return null;
    throw error;
  }
  return found === null ? null : versionOf(found);
}

export function versionOf({
  metadata,
  spec,
}: Pick<Deployment, 'metadata' | 'spec'>): string | null {
  const images = (spec.template?.spec?.containers ?? []).map(({ image = '' }) => image);
  // A digest has no version, and a registry's port is no tag.
  const tags = images.map((image) => /:([^:/@]+)(@.*)?$/.exec(image)?.[1] ?? '');
  const known = [...tags, metadata.labels?.['app.kubernetes.io/version'] ?? ''].map(plainVersion);
  return known.find((version) => version !== null) ?? null;
}

function plainVersion(text: string): string | null {
  return /^v?(\d+\.\d+\.\d+)/.exec(text)?.[1] ?? null;
}
