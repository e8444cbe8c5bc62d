import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { makeCertificates } from './certificates.ts';
import type { Certificates } from './certificates.ts';
import type { InstalledTools } from './go-tools.ts';
import { freePorts, startServer } from './processes.ts';
import type { Started } from './processes.ts';
import { stagesYaml } from './stages.ts';

/** Users of the static token file. `nobody` is known and may do nothing. */
const USERS = ['admin', 'nobody'] as const;
type User = (typeof USERS)[number];

const PORTS = [
  'etcd',
  'etcdPeer',
  'api',
  'trainer',
  'trainerHealth',
  'jobset',
  'jobsetHealth',
  'kwok',
  'kserve',
  'kserveHealth',
] as const;
type Ports = Readonly<Record<(typeof PORTS)[number], number>>;

/** Everything that the servers of one cluster share. */
export interface Layout {
  readonly folder: string;
  readonly server: string;
  readonly ports: Ports;
  readonly certificates: Certificates;
  readonly tokens: Readonly<Record<User, string>>;
  /** Kubeconfig of `admin`. */
  readonly kubeconfig: string;
}

/** Folder, ports, certificates, tokens and configuration files of a cluster that is to be started. */
export async function layOut(folder: string): Promise<Layout> {
  await mkdir(join(folder, 'logs'), { recursive: true, mode: 0o700 });
  const webhookCertificates = join(folder, 'k8s-webhook-server/serving-certs');
  await mkdir(webhookCertificates, { recursive: true });
  const numbers = await freePorts(PORTS.length);
  const ports = Object.fromEntries(PORTS.map((name, at) => [name, numbers[at]])) as Ports;
  const certificates = await makeCertificates(webhookCertificates);
  const tokens = Object.fromEntries(
    USERS.map((user) => [user, randomBytes(24).toString('hex')]),
  ) as Record<User, string>;
  const rows = [`${tokens.admin},admin,admin,"system:masters"`, `${tokens.nobody},nobody,nobody`];
  await writeFile(join(folder, 'tokens.csv'), `${rows.join('\n')}\n`, { mode: 0o600 });
  const server = `https://127.0.0.1:${ports.api}`;
  const layout: Layout = {
    folder,
    server,
    ports,
    certificates,
    tokens,
    kubeconfig: join(folder, 'kubeconfig'),
  };
  const kubeconfig = kubeconfigYaml({ server, caFile: certificates.ca, token: tokens.admin });
  await writeFile(layout.kubeconfig, kubeconfig, { mode: 0o600 });
  await writeConfigurations(layout);
  return layout;
}

/** A kubeconfig of one context, `test`. */
export function kubeconfigYaml(reach: {
  readonly server: string;
  readonly caFile: string;
  readonly token: string;
}): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'test',
        cluster: { server: reach.server, 'certificate-authority': reach.caFile },
      },
    ],
    users: [{ name: 'test', user: { token: reach.token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'default' } }],
    'current-context': 'test',
  });
}

async function writeConfigurations({ folder, ports }: Layout): Promise<void> {
  await writeFile(join(folder, 'stages.yaml'), stagesYaml());
  const trainer = {
    apiVersion: 'config.trainer.kubeflow.org/v1alpha1',
    kind: 'Configuration',
    webhook: { port: ports.trainer, host: '127.0.0.1' },
    health: { healthProbeBindAddress: `127.0.0.1:${ports.trainerHealth}` },
    metrics: { bindAddress: '0' },
    leaderElection: { leaderElect: false },
    certManagement: { enable: false },
    // As the configuration that Trainer ships has it; without it one job is looked at at a time.
    controller: { groupKindConcurrency: { 'TrainJob.trainer.kubeflow.org': 5 } },
    clientConnection: { qps: 200, burst: 400 },
  };
  await writeFile(join(folder, 'trainer.yaml'), stringify(trainer));
  const jobset = {
    apiVersion: 'config.jobset.x-k8s.io/v1alpha1',
    kind: 'Configuration',
    webhook: { port: ports.jobset, host: '127.0.0.1' },
    health: { healthProbeBindAddress: `127.0.0.1:${ports.jobsetHealth}` },
    metrics: { bindAddress: '0' },
    leaderElection: { leaderElect: false },
    internalCertManagement: { enable: false },
  };
  await writeFile(join(folder, 'jobset.yaml'), stringify(jobset));
}

const CONTROLLERS = [
  'job-controller',
  'garbage-collector-controller',
  'namespace-controller',
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'deployment-controller',
  'replicaset-controller',
  'statefulset-controller',
  'endpointslice-controller',
  'resourcequota-controller',
  'pod-garbage-collector-controller',
  'ttl-after-finished-controller',
  'cronjob-controller',
  'node-lifecycle-controller',
  'root-ca-certificate-publisher-controller',
];

/** Starts one program of the installed tools with its log beside the others. */
function starter(layout: Layout, { bin }: InstalledTools) {
  return (name: string, program: string, words: readonly string[]): Started =>
    startServer(name, join(bin, program), words, {
      log: join(layout.folder, 'logs', `${name}.log`),
      // Controllers of Go's controller runtime find their certificate under TMPDIR.
      env: {
        KUBECONFIG: layout.kubeconfig,
        TMPDIR: layout.folder,
        POD_NAMESPACE: 'kserve',
        GOMEMLIMIT: '600MiB',
      },
    });
}

export function startApiServer(layout: Layout, tools: InstalledTools): readonly Started[] {
  const start = starter(layout, tools);
  const { folder, ports, certificates } = layout;
  const etcd = `http://127.0.0.1:${ports.etcd}`;
  const peer = `http://127.0.0.1:${ports.etcdPeer}`;
  return [
    start('etcd', 'server', [
      `--data-dir=${join(folder, 'etcd')}`,
      '--unsafe-no-fsync',
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
    ]),
    start('kube-apiserver', 'kube-apiserver', [
      `--etcd-servers=${etcd}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${ports.api}`,
      `--tls-cert-file=${certificates.cert}`,
      `--tls-private-key-file=${certificates.key}`,
      `--token-auth-file=${join(folder, 'tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-signing-key-file=${certificates.accountKey}`,
      `--service-account-key-file=${certificates.accountPublicKey}`,
      '--service-cluster-ip-range=10.0.0.0/16',
      '--endpoint-reconciler-type=none',
      '--disable-admission-plugins=DefaultTolerationSeconds',
      '--kubelet-preferred-address-types=InternalIP',
    ]),
  ];
}

export function startControllers(layout: Layout, tools: InstalledTools): readonly Started[] {
  const start = starter(layout, tools);
  const { folder, ports, certificates, kubeconfig } = layout;
  return [
    start('kube-controller-manager', 'kube-controller-manager', [
      `--kubeconfig=${kubeconfig}`,
      `--controllers=${CONTROLLERS.join(',')}`,
      `--service-account-private-key-file=${certificates.accountKey}`,
      `--root-ca-file=${certificates.ca}`,
      '--leader-elect=false',
      '--secure-port=0',
      '--kube-api-qps=200',
      '--kube-api-burst=400',
    ]),
    start('kube-scheduler', 'kube-scheduler', [
      `--kubeconfig=${kubeconfig}`,
      '--leader-elect=false',
      '--secure-port=0',
    ]),
    start('kwok', 'kwok', [
      `--kubeconfig=${kubeconfig}`,
      '--manage-all-nodes=true',
      `--config=${join(folder, 'stages.yaml')}`,
      '--node-lease-duration-seconds=40',
      '--node-ip=127.0.0.1',
      `--node-port=${ports.kwok}`,
      `--server-address=127.0.0.1:${ports.kwok}`,
      `--tls-cert-file=${certificates.cert}`,
      `--tls-private-key-file=${certificates.key}`,
    ]),
    start('trainer', 'trainer-controller-manager', [`--config=${join(folder, 'trainer.yaml')}`]),
    start('jobset', 'jobset', [`--config=${join(folder, 'jobset.yaml')}`]),
  ];
}

/** KServe's manager, once its CRDs and its ConfigMap are there. */
export function startKserve(layout: Layout, tools: InstalledTools): Started {
  return starter(layout, tools)('kserve', 'manager', [
    '--metrics-addr=0',
    `--webhook-port=${layout.ports.kserve}`,
    `--health-probe-addr=127.0.0.1:${layout.ports.kserveHealth}`,
    '--leader-elect=false',
  ]);
}
