import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { googleAccess } from '../../../backends/connections/google/clients.ts';
import { createObjectStore } from '../../../backends/connections/google/storage.ts';
import { createApi, createClients } from '../../../backends/vertex/api.ts';
import type { VertexClients } from '../../../backends/vertex/api.ts';
import type { VertexApi } from '../../../backends/vertex/calls.ts';
import { createPorts } from '../../../backends/vertex/index.ts';
import { vertexSettings } from '../../../backends/vertex/settings.ts';
import { ed25519KeyId } from '../../../kernels/evidence/approval.ts';
import { signEnvelope, verifyEnvelope } from '../../../kernels/evidence/dsse.ts';
import { generateApproverKey, generateSignerKey } from '../../../kernels/evidence/keys.ts';
import type { Signer } from '../../../core/ports/signer.ts';
import type { Course } from './double/life.ts';
import { startVertex } from './double/vertex.ts';
import type { VertexDouble } from './double/vertex.ts';
import type { DoubleScript } from './double/world.ts';

export const ROOT_URI = 'gs://bucket-of-tests/orrery';
export const PARENT = 'projects/project-of-tests/locations/europe-west4';

export const COURSES: Readonly<Record<string, Course>> = {
  fails: { ends: 'fails', exitCode: 3 },
  'runs-long': { ends: 'never' },
};

/** Settings of a backend that speaks to the double. */
export function settingsFor(double: VertexDouble, more: object = {}): object {
  return {
    project: 'project-of-tests',
    location: 'europe-west4',
    apiEndpoint: double.wire.address,
    insecure: true,
    callTimeoutSeconds: 10,
    pollSeconds: 0.005,
    storage: { root: ROOT_URI, endpoint: double.storage.url },
    image: 'trainer:1',
    programs: { train: { image: 'trainer:1', command: ['python', '-m', 'train'] } },
    machines: [
      machine('e2-standard-4', 4, 0.15),
      machine('n1-highmem-8', 8, 0.6),
      { ...machine('a2-highgpu-1g', 12, 4), accelerator: { type: 'NVIDIA_TESLA_A100', count: 1 } },
    ],
    pricesAsOf: '2026-11-01',
    ...more,
  };
}

function machine(machineType: string, cpus: number, usd: number) {
  const usdPerHour = { STANDARD: usd, SPOT: usd / 3, FLEX_START: usd / 2 };
  return { machineType, cpus, memoryMiB: cpus * 4096, usdPerHour };
}

export interface Opened {
  readonly double: VertexDouble;
  readonly settings: object;
  readonly ports: ReturnType<typeof createPorts>;
  readonly signer: Signer;
  readonly approver: { readonly keyId: string; readonly name: string; readonly publicKey: string };
  /** Another worker: its own connection, and calls that a test may stand between. */
  another(through?: (api: VertexApi) => VertexApi, more?: object): ReturnType<typeof createPorts>;
  /** Another worker over the connection of this one, with calls that a test stands between. */
  onWire(through: (api: VertexApi) => VertexApi): ReturnType<typeof createPorts>;
  close(): Promise<void>;
}

/** The double, and a backend that speaks to it, with a signer whose key it trusts. */
export async function openVertex(
  script: Partial<DoubleScript> = {},
  more: object = {},
  /** Stands between the backend and Google's clients. */
  watched: (clients: VertexClients) => VertexClients = (clients) => clients,
): Promise<Opened> {
  const double = await startVertex({ courses: COURSES, ...script });
  const folder = await mkdtemp(join(tmpdir(), 'orrery-vertex-'));
  const keys = generateSignerKey();
  const trusted = join(folder, 'trusted.pem');
  await writeFile(trusted, keys.publicKey);
  const { publicKey } = generateApproverKey();
  const approver = { keyId: ed25519KeyId(publicKey), name: 'grace', publicKey };
  const settings = settingsFor(double, {
    serving: { image: 'scorer:1', machineType: 'n1-standard-2', trustedKeyFiles: [trusted] },
    ...more,
  });
  const closers: (() => Promise<void>)[] = [];
  const connect = (further: object = {}) => {
    const parsed = vertexSettings.parse({ ...settings, ...further });
    const access = googleAccess(parsed);
    const api = createApi(parsed, watched(createClients(access)));
    const timeoutMs = parsed.callTimeoutSeconds * 1000;
    const store = createObjectStore(access, { endpoint: parsed.storage.endpoint, timeoutMs });
    closers.push(async () => {
      access.agent.destroy();
      await api.close();
    });
    return (through: (api: VertexApi) => VertexApi) => createPorts(parsed, through(api), store);
  };
  const same = (api: VertexApi) => api;
  const onWire = connect();
  return {
    double,
    settings,
    ports: onWire(same),
    onWire,
    signer: {
      sign: async (type, payload) => signEnvelope(keys.privateKey, type, payload),
      verify: async (envelope) => verifyEnvelope(keys.publicKey, envelope),
      approver: async (keyId) => (keyId === approver.keyId ? approver : null),
    },
    approver,
    another: (through = same, further = {}) => connect(further)(through),
    close: async () => {
      for (const close of closers) await close();
      await double.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** A compiled pipeline of two steps whose course is chosen by its name. */
export function pipelineSpec(name: string): object {
  const step = (at: number) => [`step-${at}`, { componentRef: { name: `comp-${at}` } }] as const;
  return {
    schemaVersion: '2.1.0',
    pipelineInfo: { name },
    root: { dag: { tasks: Object.fromEntries([step(1), step(2)]) } },
    components: { 'comp-1': { executorLabel: 'exec-1' }, 'comp-2': { executorLabel: 'exec-2' } },
    deploymentSpec: {
      executors: {
        'exec-1': { container: { image: 'step:1', args: ['one'] } },
        'exec-2': { container: { image: 'step:1', args: ['two'] } },
      },
    },
  };
}
