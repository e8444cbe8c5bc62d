import type { BackendFinding } from '../../../core/backend.ts';
import { OrreryError } from '../../../core/errors.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { assertTrainerServed } from './served.ts';
import type { TrainerSettings } from './settings.ts';
import { TRAINER_GROUP, TRAINER_VERSION } from './train-job.ts';

/** What we do in the namespace: `verb group/resource`, the core group without a name. */
const PERMISSIONS = [
  'create trainer.kubeflow.org/trainjobs',
  'get trainer.kubeflow.org/trainjobs',
  'list trainer.kubeflow.org/trainjobs',
  'watch trainer.kubeflow.org/trainjobs',
  'patch trainer.kubeflow.org/trainjobs',
  'get jobset.x-k8s.io/jobsets',
  'list batch/jobs',
  'list /pods',
  'watch /pods',
  'list /events',
] as const;

interface Review {
  readonly status?: { readonly allowed?: boolean; readonly reason?: string };
}
interface Runtime {
  readonly spec?: {
    readonly template?: {
      readonly spec?: {
        readonly replicatedJobs?: readonly {
          readonly template?: { readonly spec?: { readonly backoffLimit?: number } };
        }[];
      };
    };
  };
}

/** Asks the cluster what jobs would need, and changes nothing. */
export async function checkTrainer(
  client: KubernetesClient,
  settings: TrainerSettings,
): Promise<readonly BackendFinding[]> {
  const endpoint = await finding(
    'endpoint',
    'Check the kubeconfig, the network and the certificate',
    async () => {
      const version = await client.get<{ readonly gitVersion?: string }>('/version');
      return `${client.server} answers: Kubernetes ${version?.gitVersion ?? 'of no version'}`;
    },
  );
  const credentials = await finding(
    'credentials',
    'Renew the credentials of the kubeconfig',
    async () => {
      const review = await client.create<{
        readonly status?: { readonly userInfo?: { readonly username?: string } };
      }>('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'SelfSubjectReview',
      });
      return `we are ${review?.status?.userInfo?.username ?? 'nobody'}`;
    },
  );
  if (endpoint.state !== 'ok' || credentials.state !== 'ok') return [endpoint, credentials];
  return [
    endpoint,
    credentials,
    await namespaceFinding(client),
    await finding('CRD trainjobs', 'Install Kubeflow Trainer 2.2 or newer', async () => {
      await assertTrainerServed(client);
      return `${TRAINER_GROUP}/${TRAINER_VERSION} is served with all that we write`;
    }),
    ...(await runtimeFindings(client, settings)),
    ...(await permissionFindings(client, settings)),
  ];
}

async function namespaceFinding(client: KubernetesClient): Promise<BackendFinding> {
  const subject = `namespace ${client.namespace}`;
  const action = `Create it: kubectl create namespace ${client.namespace}`;
  const found = await finding(subject, action, async () => {
    if ((await client.get(`/api/v1/namespaces/${client.namespace}`)) !== null) return 'is there';
    throw new OrreryError('NOT_FOUND', `Cannot find the namespace "${client.namespace}"`);
  });
  // Whoever may work in a namespace need not be allowed to look at the namespace itself.
  const hidden = found.state === 'missing' && found.told.includes('answered 403');
  return hidden ? { ...found, state: 'unknown', action: '' } : found;
}

async function runtimeFindings(
  client: KubernetesClient,
  { runtimes }: TrainerSettings,
): Promise<readonly BackendFinding[]> {
  const findings: BackendFinding[] = [];
  for (const [kind, runtime] of Object.entries(runtimes)) {
    if (runtime === undefined) continue;
    const scope =
      runtime.kind === 'TrainingRuntime'
        ? `namespaces/${client.namespace}/trainingruntimes`
        : 'clustertrainingruntimes';
    const path = `/apis/${TRAINER_GROUP}/${TRAINER_VERSION}/${scope}/${runtime.name}`;
    const subject = `runtime ${runtime.name} for ${kind}`;
    const action = `Create the ${runtime.kind} "${runtime.name}": docs/backends/kubeflow-trainer.md has one`;
    findings.push(
      await finding(subject, action, async () => {
        const found = await client.get<Runtime>(path);
        if (found === null) throw new OrreryError('NOT_FOUND', `Cannot find it at ${path}`);
        return retriesTold(found);
      }),
    );
  }
  return findings;
}

/** Attempts are ours to count; a runtime that starts failed pods again hides them. */
function retriesTold({ spec }: Runtime): string {
  const limits = (spec?.template?.spec?.replicatedJobs ?? []).map(
    ({ template }) => template?.spec?.backoffLimit ?? 6,
  );
  const most = Math.max(0, ...limits);
  return most === 0
    ? 'is there, and leaves attempts to us'
    : `is there; its Jobs start failed pods again up to ${most} times, which Orrery does not see: wanted backoffLimit 0`;
}

async function permissionFindings(
  client: KubernetesClient,
  { checkpointCommand }: TrainerSettings,
): Promise<readonly BackendFinding[]> {
  const wanted = [...PERMISSIONS, ...(checkpointCommand === null ? [] : ['create /pods/exec'])];
  const missing: string[] = [];
  for (const permission of wanted) {
    const [verb, path = ''] = permission.split(' ');
    const [group, resource, subresource] = path.split('/');
    const review = await client.create<Review>(
      '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: {
          resourceAttributes: {
            namespace: client.namespace,
            verb,
            group,
            resource,
            ...(subresource === undefined ? {} : { subresource }),
          },
        },
      },
    );
    if (review?.status?.allowed !== true) missing.push(permission);
  }
  return [
    missing.length === 0
      ? {
          subject: 'permissions',
          state: 'ok',
          told: `all ${wanted.length} are granted`,
          action: '',
        }
      : {
          subject: 'permissions',
          state: 'missing',
          told: `not granted in "${client.namespace}": ${missing.join(', ')}`,
          action: 'Grant them by a Role and a RoleBinding',
        },
  ];
}

async function finding(
  subject: string,
  action: string,
  ask: () => Promise<string>,
): Promise<BackendFinding> {
  try {
    return { subject, state: 'ok', told: await ask(), action: '' };
  } catch (error) {
    const told = error instanceof Error ? error.message : String(error);
    return { subject, state: 'missing', told, action };
  }
}
