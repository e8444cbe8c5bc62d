import { join } from 'node:path';
import { ensureTools } from './go-tools.ts';
import type { GoTools, InstalledTools } from './go-tools.ts';

const VERSION_FLAGS = ['gitVersion=v1.36.3', 'gitMajor=1', 'gitMinor=36'].map(
  (assignment) => `-X k8s.io/component-base/version.${assignment}`,
);

/** etcd, the control plane, Kubeflow Trainer, JobSet and KWOK, of one Go module. */
const CONTROL_PLANE: GoTools = {
  name: 'kubernetes',
  folder: import.meta.dirname,
  ldflags: ['-s', '-w', ...VERSION_FLAGS].join(' '),
  manifests: [
    { module: 'github.com/kubeflow/trainer/v2', from: 'manifests/base/crds', to: 'trainer/crds' },
    {
      module: 'github.com/kubeflow/trainer/v2',
      from: 'manifests/base/runtimes/torch_distributed.yaml',
      to: 'trainer/runtimes/torch_distributed.yaml',
    },
    {
      module: 'github.com/kubeflow/trainer/v2',
      from: 'manifests/base/webhook/manifests.yaml',
      to: 'trainer/webhooks/manifests.yaml',
    },
    { module: 'sigs.k8s.io/jobset', from: 'config/components/crd/bases', to: 'jobset/crds' },
    {
      module: 'sigs.k8s.io/jobset',
      from: 'config/components/webhook/manifests.yaml',
      to: 'jobset/webhooks/manifests.yaml',
    },
  ],
};

/** Those that the manager needs: the ones of language models alone are twice as large as all of these. */
const KSERVE_CRDS = [
  'clusterstoragecontainer',
  'serving.kserve.io_clusterservingruntimes.yaml',
  'serving.kserve.io_inferencegraphs.yaml',
  'serving.kserve.io_inferenceservices.yaml',
  'serving.kserve.io_servingruntimes.yaml',
  'serving.kserve.io_trainedmodels.yaml',
] as const;

/** The manager of KServe 0.20.0, whose module wants an older controller runtime than Trainer's. */
const KSERVE: GoTools = {
  name: 'kserve',
  folder: join(import.meta.dirname, 'kserve'),
  ldflags: '-s -w',
  manifests: [
    ...KSERVE_CRDS.map((name) => ({
      module: 'github.com/kserve/kserve',
      from: `config/crd/full/${name}`,
      to: `crds/${name}`,
    })),
    {
      module: 'github.com/kserve/kserve',
      from: 'config/configmap/inferenceservice.yaml',
      to: 'configmap.yaml',
    },
    {
      module: 'github.com/kserve/kserve',
      from: 'config/storagecontainers/default.yaml',
      to: 'storage-container.yaml',
    },
    {
      module: 'github.com/kserve/kserve',
      from: 'config/webhook/manifests.yaml',
      to: 'webhooks.yaml',
    },
    { module: 'sigs.k8s.io/gateway-api', from: 'config/crd/standard', to: 'gateway-api' },
  ],
};

export function ensureControlPlane(): Promise<InstalledTools> {
  return ensureTools(CONTROL_PLANE);
}

export function ensureKserve(): Promise<InstalledTools> {
  return ensureTools(KSERVE);
}

/** `node install.ts` builds everything into the cache and starts nothing. */
if (process.argv[1] === import.meta.filename) {
  for (const ensure of [ensureControlPlane, ensureKserve]) console.log((await ensure()).bin);
}
