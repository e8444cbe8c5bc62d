import { isDeepStrictEqual } from 'node:util';

import type { KubernetesClient } from '../../../../backends/connections/kubernetes/client.ts';
import type {
  InferenceService,
  TrafficTarget,
} from '../../../../backends/kubeflow/kserve/objects.ts';
import { until } from '../../../support/until.ts';

const LOOK_MS = 40;
const STOP = 'serving.kserve.io/stop';
const REVISIONS = 'revisions.serving.knative.dev';

/** How the next revisions come up. */
export type RevisionManner = 'ready' | 'slow' | 'fails';

export interface PlayedKnative {
  /** `slow` ones become ready when this is `ready` again. */
  manner: RevisionManner;
  /** Every split that was ever in force: version → percent, oldest first. */
  readonly history: readonly Readonly<Record<string, number>>[];
  close(): Promise<void>;
}

interface Life {
  template: string;
  readonly revisions: { readonly name: string; readonly version: string; ready: boolean }[];
  rolledOut: string;
  previous: string;
}

/**
 * Plays KServe in Knative mode together with Knative, which cannot run here: Knative needs pods that
 * listen. It makes Revisions and writes the status of InferenceServices by the rules of
 * kserve v0.17.0 `reconcilers/knative/ksvc_reconciler.go` (createKnativeService) and
 * `inference_service_status.go` (PropagateStatus): `latestRevision` means the newest ready one, a
 * share needs a rolled-out revision, and a way back after 100 % goes through one more round.
 *
 * Different from the real ones: a round is one step, where theirs are eventual; the Revision's schema
 * is not checked; nothing is scaled to zero or collected; the KServe that runs beside it refuses
 * Knative mode, for want of Knative's CRDs, and leaves the status alone.
 */
export async function playKnative(client: KubernetesClient): Promise<PlayedKnative> {
  await defineRevisions(client);
  const lives = new Map<string, Life>();
  const history: Record<string, number>[] = [];
  const played: { manner: RevisionManner } = { manner: 'ready' };
  let open = true;
  const path = `/apis/serving.kserve.io/v1beta1/namespaces/${client.namespace}/inferenceservices`;
  const round = async () => {
    const { items } = await client.list<InferenceService>(path);
    const living = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    await Promise.all(
      living.map(async (service) => {
        const { name } = service.metadata;
        const status = await step(client, service, lives, played.manner, history);
        if (isTold(service, status)) return;
        await client.patch(`${path}/${name}/status`, 'merge', { status });
      }),
    );
  };
  const running = (async () => {
    while (open) {
      // KServe writes the status too; who loses the race comes again.
      await round().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  })();
  return Object.assign(played, {
    history,
    async close() {
      open = false;
      await running;
    },
  });
}

interface Status {
  readonly url: string | null;
  readonly conditions: readonly { readonly type: string; readonly status: string }[];
  readonly components: { readonly predictor: object | null };
}

/** Whether the status says so already. */
function isTold({ status }: InferenceService, next: Status): boolean {
  const told = next.conditions.every(({ type, status: state }) =>
    status?.conditions?.some((found) => found.type === type && found.status === state),
  );
  const { predictor } = next.components;
  const found = status?.components?.predictor ?? null;
  return told && (status?.url ?? null) === next.url && isDeepStrictEqual(found, predictor);
}

async function step(
  client: KubernetesClient,
  service: InferenceService,
  lives: Map<string, Life>,
  manner: RevisionManner,
  history: Record<string, number>[],
): Promise<Status> {
  const { uid, name, annotations } = service.metadata;
  if (annotations?.[STOP] === 'true') {
    lives.delete(uid);
    return {
      components: { predictor: null },
      conditions: [condition('Stopped', 'True')],
      url: null,
    };
  }
  const life = lives.get(uid) ?? { template: '', revisions: [], rolledOut: '', previous: '' };
  lives.set(uid, life);
  await addRevision(client, service, life, manner);
  if (manner === 'ready') for (const revision of life.revisions) revision.ready = true;
  const created = life.revisions.at(-1);
  const latestReady = life.revisions.findLast(({ ready }) => ready);
  const traffic = trafficOf(service, life, latestReady?.name ?? '');
  rollOut(life, traffic, latestReady?.name ?? '', created?.name ?? '');
  remember(history, life, traffic);
  // Ready turns Unknown in every update (kserve/kserve#5443), while the old revision serves.
  const ready = latestReady === created ? 'True' : manner === 'fails' ? 'False' : 'Unknown';
  return {
    url: `http://${name}-${client.namespace}.example.com`,
    conditions: [
      condition('PredictorReady', ready, ready === 'False' ? 'RevisionFailed' : ''),
      condition('Ready', ready),
    ],
    components: {
      predictor: {
        latestCreatedRevision: created?.name ?? '',
        latestReadyRevision: latestReady?.name ?? '',
        latestRolledoutRevision: life.rolledOut,
        previousRolledoutRevision: life.previous,
        traffic,
      },
    },
  };
}

async function addRevision(
  client: KubernetesClient,
  service: InferenceService,
  life: Life,
  manner: RevisionManner,
): Promise<void> {
  const { canaryTrafficPercent: _, ...predictor } = service.spec.predictor;
  const template = JSON.stringify(predictor);
  if (template === life.template) return;
  const annotations = predictor.annotations ?? {};
  const number = String(life.revisions.length + 1).padStart(5, '0');
  const name = `${service.metadata.name}-predictor-${number}`;
  await client.create(`/apis/serving.knative.dev/v1/namespaces/${client.namespace}/revisions`, {
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Revision',
    metadata: { name, namespace: client.namespace, annotations },
  });
  life.template = template;
  const version = annotations['orrery-version'] ?? '';
  life.revisions.push({ name, version, ready: manner === 'ready' });
}

/** createKnativeService, with `latestRevision` resolved as Knative does. */
function trafficOf(service: InferenceService, life: Life, latestReady: string): TrafficTarget[] {
  if (latestReady === '') return [];
  const percent = service.spec.predictor.canaryTrafficPercent;
  const latest = { latestRevision: true, revisionName: latestReady };
  if (percent === undefined || life.rolledOut === '') return [{ ...latest, percent: 100 }];
  if (percent === 100) return [{ ...latest, percent }];
  const rest = { latestRevision: false, revisionName: life.rolledOut, percent: 100 - percent };
  return [{ ...latest, percent }, rest];
}

/** PropagateStatus. */
function rollOut(life: Life, traffic: TrafficTarget[], latestReady: string, created: string) {
  const sums = new Map<string, number>();
  for (const { revisionName = '', percent = 0 } of traffic) {
    sums.set(revisionName, (sums.get(revisionName) ?? 0) + percent);
  }
  for (const { latestRevision, percent = 0 } of traffic) {
    if (latestRevision !== true) continue;
    if (life.rolledOut !== latestReady) {
      if (percent !== 100) continue;
      life.previous = life.rolledOut;
      life.rolledOut = latestReady;
    } else if (latestReady === created && percent < 100) {
      if (sums.get(latestReady) === 100 && life.previous !== '') life.rolledOut = life.previous;
    }
  }
}

function remember(history: Record<string, number>[], life: Life, traffic: TrafficTarget[]): void {
  const split: Record<string, number> = {};
  for (const { revisionName, percent = 0 } of traffic) {
    const version = life.revisions.find(({ name }) => name === revisionName)?.version ?? '';
    split[version] = (split[version] ?? 0) + percent;
  }
  if (JSON.stringify(history.at(-1)) !== JSON.stringify(split)) history.push(split);
}

function condition(type: string, status: string, reason = '') {
  return { type, status, reason, lastTransitionTime: new Date().toISOString() };
}

async function defineRevisions(client: KubernetesClient): Promise<void> {
  const schema = {
    type: 'object',
    properties: {
      spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    },
  };
  await client.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: REVISIONS },
    spec: {
      group: 'serving.knative.dev',
      names: { kind: 'Revision', plural: 'revisions', singular: 'revision' },
      scope: 'Namespaced',
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  });
  const path = `/apis/serving.knative.dev/v1/namespaces/${client.namespace}/revisions`;
  await until('Revisions are served', () => client.list(path).catch(() => null));
}
