import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubernetesClient } from '../../../backends/connections/kubernetes/client.ts';
import { until } from '../../support/until.ts';
import { kubeconfigYaml } from '../kubernetes/control-plane.ts';
import { adminClient, ensureKubernetes } from '../kubernetes/running.ts';
import type { Cluster } from '../kubernetes/running.ts';

let workplaces = 0;

/** A namespace of its own, with a service account that may do what the backend documents, and no more. */
export interface Workplace {
  readonly cluster: Cluster;
  readonly namespace: string;
  /** With all rights, for what operators and strangers do. */
  readonly admin: KubernetesClient;
  /** Path of a kubeconfig of the service account. */
  readonly kubeconfig: string;
  /** Another kubeconfig: the same namespace with another token, server or both. */
  kubeconfigFor(reach: { readonly server?: string; readonly token?: string }): Promise<string>;
  close(): Promise<void>;
}

/** The runtime of docs/backends/kubeflow-trainer.md. */
export function runtimeManifest(namespace: string): object {
  return {
    apiVersion: 'trainer.kubeflow.org/v1alpha1',
    kind: 'TrainingRuntime',
    metadata: { name: 'orrery', namespace },
    spec: {
      mlPolicy: { numNodes: 1 },
      template: {
        spec: {
          failurePolicy: { maxRestarts: 0 },
          replicatedJobs: [
            {
              name: 'node',
              template: {
                metadata: { labels: { 'trainer.kubeflow.org/trainjob-ancestor-step': 'trainer' } },
                spec: {
                  backoffLimit: 0,
                  podFailurePolicy: {
                    rules: [{ action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget' }] }],
                  },
                  template: {
                    spec: {
                      restartPolicy: 'Never',
                      containers: [
                        {
                          name: 'node',
                          image: 'registry.invalid/trainer:1',
                          terminationMessagePolicy: 'FallbackToLogsOnError',
                        },
                      ],
                    },
                  },
                },
              },
            },
          ],
        },
      },
    },
  };
}

/** The role of docs/backends/kubeflow-trainer.md. */
const RULES = [
  {
    apiGroups: ['trainer.kubeflow.org'],
    resources: ['trainjobs'],
    verbs: ['create', 'get', 'list', 'watch', 'patch'],
  },
  { apiGroups: ['trainer.kubeflow.org'], resources: ['trainingruntimes'], verbs: ['get'] },
  { apiGroups: ['jobset.x-k8s.io'], resources: ['jobsets'], verbs: ['get', 'list'] },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['list'] },
  {
    apiGroups: ['kubeflow.org'],
    resources: ['experiments'],
    verbs: ['create', 'get', 'list', 'delete'],
  },
  { apiGroups: ['kubeflow.org'], resources: ['trials'], verbs: ['list'] },
  { apiGroups: [''], resources: ['configmaps'], verbs: ['create', 'get'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['pods/exec'], verbs: ['create', 'get'] },
  { apiGroups: [''], resources: ['events'], verbs: ['list'] },
];

export async function openWorkplace(): Promise<Workplace> {
  const cluster = await ensureKubernetes();
  workplaces += 1;
  const namespace = `orrery-${process.pid}-${Date.now().toString(36)}-${workplaces}`;
  const admin = adminClient(cluster, namespace);
  const folder = await mkdtemp(join(tmpdir(), 'orrery-kubeflow-'));
  const core = `/api/v1/namespaces/${namespace}`;
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  await admin.create('/api/v1/namespaces', named('v1', 'Namespace', namespace));
  await admin.create(`${core}/serviceaccounts`, named('v1', 'ServiceAccount', 'worker'));
  const role = named('rbac.authorization.k8s.io/v1', 'Role', 'worker');
  await admin.create(`${rbac}/roles`, { ...role, rules: RULES });
  await admin.create(`${rbac}/rolebindings`, {
    ...named('rbac.authorization.k8s.io/v1', 'RoleBinding', 'worker'),
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'worker' },
    subjects: [{ kind: 'ServiceAccount', name: 'worker', namespace }],
  });
  const runtimes = `/apis/trainer.kubeflow.org/v1alpha1/namespaces/${namespace}/trainingruntimes`;
  await admin.create(runtimes, runtimeManifest(namespace));
  // Pods are refused until the controller has made the namespace's own default account.
  await until('the default service account is there', () =>
    admin.get(`${core}/serviceaccounts/default`),
  );
  const issued = await admin.create<{ readonly status: { readonly token: string } }>(
    `${core}/serviceaccounts/worker/token`,
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
  );
  const token = issued?.status.token ?? '';
  let written = 0;
  const kubeconfigFor: Workplace['kubeconfigFor'] = async (reach) => {
    written += 1;
    const path = join(folder, `kubeconfig-${written}`);
    const caFile = cluster.certificates.ca;
    const text = kubeconfigYaml({ server: cluster.server, token, ...reach, caFile });
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  return {
    cluster,
    namespace,
    admin,
    kubeconfig: await kubeconfigFor({}),
    kubeconfigFor,
    close: async () => {
      await admin.remove(`/api/v1/namespaces/${namespace}`);
      await admin.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function named(apiVersion: string, kind: string, name: string) {
  return { apiVersion, kind, metadata: { name } };
}
