/**
 * The one Kubernetes that all tests of a machine share: `node running.ts up` starts it unless it
 * runs, `down` ends it. A test that finds none starts it too, and the next one finds that.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectKubernetes } from '../../../backends/connections/kubernetes/client.ts';
import type { KubernetesClient } from '../../../backends/connections/kubernetes/client.ts';
import { kubernetesSettings } from '../../../backends/connections/kubernetes/settings.ts';
import { cacheKey, cacheRoot } from '../../support/cache.ts';
import { until } from '../../support/until.ts';
import { layOut, startApiServer, startControllers, startKserve } from './control-plane.ts';
import type { Layout } from './control-plane.ts';
import { ensureControlPlane, ensureKserve } from './install.ts';
import { furnish, furnishKserve } from './furnish.ts';
import { endServer, lives } from './processes.ts';
import type { Started } from './processes.ts';

const FOLDER = join(cacheRoot(), 'run', 'kubernetes');
const STATE = join(FOLDER, 'state.json');
const READY_MS_MAX = 120_000;

export interface Cluster extends Layout {
  readonly servers: readonly Started[];
  /** Changes with what makes a cluster: one of an older making is replaced. */
  readonly made: string;
}

/** Digest of the files that decide how a cluster is made. */
function making(): string {
  const files = ['control-plane.ts', 'furnish.ts', 'stages.ts', 'go.sum', 'kserve/go.sum'];
  return cacheKey(...files.map((file) => readFileSync(join(import.meta.dirname, file), 'utf8')));
}

/** Attaches to the cluster that runs, or starts one. */
export async function ensureKubernetes(): Promise<Cluster> {
  const running = rememberedCluster();
  const made = making();
  if (running?.made === made && running.servers.every(lives)) return running;
  await stopKubernetes();
  const [tools, kserveTools] = [await ensureControlPlane(), await ensureKserve()];
  const layout = await layOut(FOLDER);
  const servers: Started[] = [];
  const write = (state: Cluster) => writeFileSync(STATE, JSON.stringify(state), { mode: 0o600 });
  const keep = (more: readonly Started[]) => {
    servers.push(...more);
    // Written before anything is waited for, so that what is half up is taken down and not attached to.
    write({ ...layout, servers, made: '' });
  };
  keep(startApiServer(layout, tools));
  const client = adminClient(layout);
  await answering(client, servers);
  await furnish(client, layout, tools);
  keep(startControllers(layout, tools));
  await furnishKserve(client, layout, kserveTools);
  keep([startKserve(layout, kserveTools)]);
  for (const port of ['trainerHealth', 'jobsetHealth', 'kserveHealth'] as const) {
    await until(`${port} says ready`, () => isReady(layout.ports[port], servers), READY_MS_MAX);
  }
  await client.close();
  const cluster = { ...layout, servers, made };
  write(cluster);
  return cluster;
}

/** A client with all rights. */
export function adminClient(
  { kubeconfig }: Pick<Layout, 'kubeconfig'>,
  namespace = 'default',
): KubernetesClient {
  return connectKubernetes(kubernetesSettings.parse({ kubeconfig, namespace }));
}

async function answering(client: KubernetesClient, servers: readonly Started[]): Promise<void> {
  const ask = async () => {
    assertAlive(servers);
    return client.get('/api/v1/namespaces/kube-system').catch(() => null);
  };
  await until('the API server answers', ask, READY_MS_MAX);
}

async function isReady(port: number, servers: readonly Started[]): Promise<true | null> {
  assertAlive(servers);
  const reply = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
  return reply?.ok ? true : null;
}

function assertAlive(servers: readonly Started[]): void {
  const dead = servers.find((server) => !lives(server));
  if (dead !== undefined) throw new Error(`Cannot start ${dead.name}: read ${dead.log}`);
}

function rememberedCluster(): Cluster | null {
  return existsSync(STATE) ? (JSON.parse(readFileSync(STATE, 'utf8')) as Cluster) : null;
}

export async function stopKubernetes(): Promise<void> {
  // The last started goes first: a controller without its API server fills its log.
  for (const server of [...(rememberedCluster()?.servers ?? [])].reverse()) await endServer(server);
  rmSync(FOLDER, { recursive: true, force: true });
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv[2] === 'down') await stopKubernetes();
  else console.log(`Kubernetes answers at ${(await ensureKubernetes()).server}`);
}
