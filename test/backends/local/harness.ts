import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { ensureAgent } from '../../../backends/local/agent/launch.ts';
import { backend } from '../../../backends/local/index.ts';
import { ensureKeys } from '../../../backends/local/keys.ts';
import { ed25519KeyId } from '../../../kernels/evidence/approval.ts';
import type { Harnesses } from '../../support/contract/all.ts';
import { openPorts, type ContractJob, type Harness } from '../../support/contract/harness.ts';
import { readTinyModel, writeTinyModels } from '../../support/tiny-models.ts';
import { envoyProgram } from '../../support/tools.ts';

const APPROVER = 'grace';
const REMOVE_TRIES_MAX = 10;

export const harnesses: Harnesses = { local: { open: openLocal } };

/** The local backend on a home of its own, with its host agent, and an Envoy once it is asked for. */
async function openLocal(): Promise<Harness> {
  // Looked up before anything starts, so that a missing program leaves no agent behind.
  const envoy = envoyProgram();
  const home = await mkdtemp(join(tmpdir(), 'orrery-local-'));
  const agent = await ensureAgent({ home });
  const keys = await ensureKeys(home, [APPROVER]);
  const publicKey = await readFile(join(keys.approvers, `${APPROVER}.pub.pem`), 'utf8');
  const importable = join(home, 'table.csv');
  const table = new TextEncoder().encode('id,label\n1,0\n');
  await writeFile(importable, table);
  const servers: Server[] = [];
  const settings = backend.settings.parse({
    home,
    programs: {},
    scorer: [process.execPath, join(import.meta.dirname, '../../../serving/main.ts')],
    envoy,
    usdPerHour: 0.1,
    proxyPort: 0,
    adminPort: 0,
  });
  const opened = openPorts(await backend.open(settings));
  return {
    ...opened,
    job: {
      succeeds: job('echo weights > "$ORRERY_OUTPUT_DIR/model.onnx"'),
      fails: job('exit 3'),
      runsLong: job('sleep 300'),
    },
    importable: {
      uri: pathToFileURL(importable).href,
      bytes: table,
      missingUri: pathToFileURL(join(home, 'nothing.csv')).href,
    },
    approver: { keyId: ed25519KeyId(publicKey), name: APPROVER, publicKey },
    modelBytes: async (version) => {
      await writeTinyModels(home);
      return readTinyModel(home, version === 'v1' ? 'logistic' : 'logistic-2');
    },
    upstream: async () => {
      const server = await startUpstream();
      servers.push(server);
      return `127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    sendRequests,
    close: async () => {
      await opened.close();
      await agent.shutdown();
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
      // Processes that end write their compile cache last, into folders that are being removed.
      await rm(home, { recursive: true, force: true, maxRetries: REMOVE_TRIES_MAX });
    },
  };
}

function job(script: string): ContractJob {
  return { command: ['/bin/sh', '-c', script], version: 'v1', outputs: ['model.onnx'] };
}

/** Answers every request with 200, in the place of a scoring server. */
async function startUpstream(): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end('{}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function sendRequests(address: string, route: string, count: number): Promise<void> {
  const [model, region] = route.split('.');
  const url = `${address}/v1/${model}/${region}/score`;
  for (let sent = 0; sent < count; sent += 1) {
    const reply = await fetch(url, { method: 'POST', body: '{}' });
    await reply.arrayBuffer();
  }
}
