import type { BackendFinding } from '../../../core/backend.ts';
import { OrreryError } from '../../../core/errors.ts';
import { p256KeyId } from '../../../kernels/evidence/dsse.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { readPlatform } from './platform.ts';
import { readKeys } from './release.ts';
import type { KserveSettings } from './settings.ts';

interface Review {
  readonly status?: { readonly allowed?: boolean; readonly reason?: string };
}

/** What we do in the namespace: `verb group/resource`. */
const PERMISSIONS = [
  'create serving.kserve.io/inferenceservices',
  'get serving.kserve.io/inferenceservices',
  'list serving.kserve.io/inferenceservices',
  'patch serving.kserve.io/inferenceservices',
  'delete serving.kserve.io/inferenceservices',
  'get apps/deployments',
  'get gateway.networking.k8s.io/httproutes',
] as const;
const OF_HTTP_ROUTES = [
  'patch gateway.networking.k8s.io/httproutes',
  'delete gateway.networking.k8s.io/httproutes',
] as const;

/** Asks the cluster what serving would need, and changes nothing. */
export async function checkKserve(
  client: KubernetesClient,
  settings: KserveSettings,
): Promise<readonly BackendFinding[]> {
  const findings: BackendFinding[] = [];
  const look = async (subject: string, action: string, ask: () => Promise<string>) => {
    try {
      findings.push({ subject, state: 'ok', told: await ask(), action: '' });
    } catch (error) {
      const told = error instanceof Error ? error.message : String(error);
      const unknown = error instanceof OrreryError && error.code === 'BACKEND_UNAVAILABLE';
      findings.push({ subject, state: unknown ? 'unknown' : 'missing', told, action });
    }
  };
  let permissions: readonly string[] = PERMISSIONS;
  await look('KServe', 'Install a version that the message names', async () => {
    const { split, version } = await readPlatform(client, settings);
    if (split === 'http-route') permissions = [...PERMISSIONS, ...OF_HTTP_ROUTES];
    return `KServe ${version ?? 'of unknown version'}: traffic is split by ${split}`;
  });
  await look('trusted keys', 'Correct the setting "trustedKeys"', async () => {
    const keys = await readKeys(settings);
    return keys.map((key) => p256KeyId(key).slice(0, 12)).join(', ');
  });
  await look('permissions', 'Grant the permissions that the message names', async () => {
    const missing = await missingOf(client, permissions);
    if (missing.length === 0) return `all ${permissions.length} in ${client.namespace}`;
    throw new Error(`missing in ${client.namespace}: ${missing.join(', ')}`);
  });
  return findings;
}

async function missingOf(
  client: KubernetesClient,
  permissions: readonly string[],
): Promise<string[]> {
  const missing: string[] = [];
  for (const permission of permissions) {
    const [verb, group, resource] = permission.split(/[ /]/);
    const review = await client.create<Review>(
      '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { namespace: client.namespace, verb, group, resource } },
      },
    );
    if (review?.status?.allowed !== true) missing.push(permission);
  }
  return missing;
}
