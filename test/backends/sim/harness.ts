import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { backend } from '../../../backends/sim/index.ts';
import { encodeModel } from '../../../backends/sim/programs.ts';
import { serveWorld } from '../../../backends/sim/remote.ts';
import type { WorldScript } from '../../../backends/sim/settings.ts';
import { createWorld } from '../../../backends/sim/world.ts';
import type { OpenBackend } from '../../../core/backend.ts';
import { ed25519KeyId } from '../../../kernels/evidence/approval.ts';
import { generateApproverKey } from '../../../kernels/evidence/keys.ts';
import type { Harnesses } from '../../support/contract/all.ts';
import { openPorts, type Harness } from '../../support/contract/harness.ts';

const REQUESTS_PER_SECOND = 100;
const approverKey = generateApproverKey();

const script: WorldScript = {
  jobs: [
    { version: 'fails', ending: { does: 'exit', code: 3, atPercent: 40 } },
    { version: 'runs-long', ending: { does: 'stall', atPercent: 50 } },
  ],
  pipelines: {
    extract: { tasks: [{ name: 'read' }, { name: 'write' }] },
    broken: { tasks: [{ name: 'read' }, { name: 'write', fails: 1000 }, { name: 'tell' }] },
    endless: { tasks: [{ name: 'read' }, { name: 'wait', stalls: true }] },
  },
  searches: [{ version: 'runs-long', stalls: true }],
  files: { table: { text: 'id,label\n1,0\n' } },
  requestsPerSecond: REQUESTS_PER_SECOND,
  approvers: [{ name: 'grace', publicKey: approverKey.publicKey }],
};

export const harnesses: Harnesses = {
  'sim in memory': { open: openSim },
  'sim over a socket': { open: openSimOverSocket },
};

async function openSim(): Promise<Harness> {
  return harnessOf(await backend.open(backend.settings.parse({ world: script })));
}

/** The same world behind a socket, as a worker process sees it. */
async function openSimOverSocket(): Promise<Harness> {
  const folder = await mkdtemp(join(tmpdir(), 'orrery-sim-'));
  const socket = join(folder, 'world.sock');
  const server = await serveWorld(createWorld(script), socket);
  const harness = harnessOf(await backend.open(backend.settings.parse({ socket })));
  return {
    ...harness,
    close: async () => {
      await harness.close();
      await server.close();
      await rm(folder, { recursive: true });
    },
  };
}

function harnessOf(open: OpenBackend): Harness {
  const opened = openPorts(open);
  const job = (version: string) => ({ command: ['train'], version, outputs: ['model.onnx'] });
  return {
    ...opened,
    job: { succeeds: job('succeeds'), fails: job('fails'), runsLong: job('runs-long') },
    pipeline: {
      succeeds: { pipeline: 'extract', params: {} },
      fails: { pipeline: 'broken', params: {} },
      runsLong: { pipeline: 'endless', params: {} },
      retries: true,
      unknownRemoteId: () => 'sim-run-0',
    },
    tuning: {
      succeeds: job('succeeds'),
      runsLong: job('runs-long'),
      unknownRemoteId: () => 'sim-search-0',
    },
    importable: {
      uri: 'sim://table',
      bytes: new TextEncoder().encode('id,label\n1,0\n'),
      missingUri: 'sim://nothing',
    },
    approver: {
      keyId: ed25519KeyId(approverKey.publicKey),
      name: 'grace',
      publicKey: approverKey.publicKey,
    },
    modelBytes: async (version) => encodeModel({ model: 'contract', version, quality: 3 }),
    upstream: async (version) => `${version}.sim:8080`,
    sendRequests: (_address, _route, count) =>
      opened.clock.sleep((count / REQUESTS_PER_SECOND) * 1000),
  };
}
