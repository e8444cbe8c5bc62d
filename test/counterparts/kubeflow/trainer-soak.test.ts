/**
 * Crashes of callers at every moment of a call, made on the wire between the backend and the real
 * control plane: before it is sent, after its effect, during a stop, in the middle of retries.
 * `ORRERY_SOAK=1` makes 10,000 of them, `ORRERY_CRASHES` so many; `ORRERY_SEED` repeats a run.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { createRandom } from '../../../backends/sim/random.ts';
import type { Random } from '../../../backends/sim/random.ts';
import type { KubernetesObject, Pod } from '../../../backends/connections/kubernetes/objects.ts';
import { trainJobsPath } from '../../../backends/kubeflow/trainer/train-job.ts';
import type { OpenBackend } from '../../../core/backend.ts';
import { ERRORS, OrreryError } from '../../../core/errors.ts';
import type { Compute, JobReading } from '../../../core/ports/compute.ts';
import { jobIntent } from '../../../core/training/job-key.ts';
import { contractSpec } from '../../support/contract/harness.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import type { FaultProxy, ProxyFault } from '../../support/fault-proxy.ts';
import { seededFaults } from '../../support/fault-script.ts';
import { openKubeflow, RUNS_LONG, SUCCEEDS } from './trainer-way.ts';
import { openWorkplace } from './workplace.ts';
import type { Workplace } from './workplace.ts';

const SOAK = process.env['ORRERY_SOAK'] === '1';
const SEED = Number(process.env['ORRERY_SEED'] ?? 20261124);
const CRASHES_MIN = Number(process.env['ORRERY_CRASHES'] ?? (SOAK ? 10_000 : 120));
const IN_FLIGHT = SOAK ? 40 : 8;
/** Patience of the client; a slow success takes longer. */
const CLIENT_MS_MAX = 8000;
const SLOW_MS = 9000;
const TRIES_MAX = 200;
/** Shares: of the writes and of the reads that are struck, of the lives that are stopped, of the calls made twice. */
const WRITES_STRUCK = 0.5;
const READS_STRUCK = 0.12;
const STOPPED = 0.5;
const REPEATED = 0.6;

const FAULTS: readonly ProxyFault[] = [
  { kind: 'reset-before' },
  { kind: 'reset-before' },
  { kind: 'reset-after' },
  { kind: 'reset-after' },
  { kind: 'reset-after' },
  { kind: 'status', status: 429 },
  { kind: 'status', status: 500 },
  { kind: 'html' },
  { kind: 'garbled' },
  { kind: 'slow', ms: SLOW_MS },
];

const writes = seededFaults({
  seed: SEED,
  probability: WRITES_STRUCK,
  faults: FAULTS,
  on: /^(POST|PATCH) /,
});
/** Watches end by themselves all the time; what they carry is only a hint to read again. */
const reads = seededFaults({
  seed: SEED + 1,
  probability: READS_STRUCK,
  faults: FAULTS,
  on: /^GET (?!.*watch=true)/,
});

interface Life {
  readonly key: string;
  readonly uid: string;
  readonly created: number;
  readonly reading: JobReading;
  readonly asked: 'stop' | 'end';
}

let workplace: Workplace;
let proxy: FaultProxy;
let backend: OpenBackend;
let repeats = 0;

beforeAll(async () => {
  workplace = await openWorkplace();
  const { server, certificates } = workplace.cluster;
  const [key = '', cert = '', upstreamCa = ''] = await Promise.all(
    [certificates.key, certificates.cert, certificates.ca].map((path) => readFile(path, 'utf8')),
  );
  proxy = await startFaultProxy({
    upstream: server,
    upstreamCa,
    tls: { key, cert },
    decide: (call) => writes(call) ?? reads(call),
  });
  const kubeconfig = await workplace.kubeconfigFor({ server: proxy.url });
  backend = await openKubeflow(kubeconfig, workplace.namespace, { timeoutMs: CLIENT_MS_MAX });
});
afterAll(async () => {
  await backend.close();
  await proxy.close();
  await workplace.close();
});

const crashes = () => repeats + proxy.outcomes.filter(({ fault }) => fault !== null).length;

/** As a retried activity calls: until it succeeds, and sometimes once more, its reply having been lost. */
async function persistently<T>(random: Random, call: () => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    try {
      results.push(await call());
      if (random.next() >= REPEATED) return results;
      repeats += 1;
    } catch (error) {
      if (!(error instanceof OrreryError) || !ERRORS[error.code].retryable) throw error;
    }
  }
  throw new Error(`not done after ${TRIES_MAX} tries`);
}

async function live(compute: Compute, ordinal: number): Promise<Life> {
  const random = createRandom(SEED, `life ${ordinal}`);
  const asked = random.next() < STOPPED ? 'stop' : 'end';
  const nonce = `soak-${SEED}-${ordinal}`;
  const workflowId = `training/soak/${nonce}`;
  const intent = jobIntent(
    { workflowId, firstRunId: 'r', step: 's', attempt: 1 },
    {
      ...contractSpec(asked === 'stop' ? RUNS_LONG : SUCCEEDS, nonce),
      // Its clock runs while controllers are behind, which they are on a machine under load.
      timeoutSeconds: 3600,
    },
  );
  const starts = await persistently(random, () => compute.start(intent));
  const { handle } = starts[0]!;
  expect(new Set(starts.map((start) => start.handle.remoteId)).size).toBe(1);
  const created = starts.filter(({ outcome }) => outcome === 'created').length;
  const readings = await persistently(random, () =>
    asked === 'stop' ? compute.stop(handle) : untilEnded(compute, handle),
  );
  // A reading that was lost on its way may not differ from the next one.
  for (const reading of readings) expect(reading).toEqual(readings[0]);
  const uid = handle.remoteId.split('/').at(-1)!;
  return { key: handle.key, uid, created, reading: readings[0]!, asked };
}

async function untilEnded(compute: Compute, handle: Parameters<Compute['read']>[0]) {
  let since = 0;
  for (;;) {
    const reading = await compute.read(handle, { since, waitMs: 10_000 });
    if (reading.phase !== 'pending' && reading.phase !== 'running') return reading;
    since = reading.revision;
  }
}

describe('Callers that crash at every moment', () => {
  test(
    'leave one TrainJob for a key, its end told truly, and nothing that runs on',
    async () => {
      process.stdout.write(`seed ${SEED}\n`);
      const lives: Life[] = [];
      let next = 0;
      const worker = async () => {
        while (crashes() < CRASHES_MIN) lives.push(await live(backend.ports.compute!, next++));
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, worker));

      const { admin, namespace } = workplace;
      const jobs = (await admin.list<KubernetesObject>(trainJobsPath(namespace))).items;
      const pods = (await admin.list<Pod>(`/api/v1/namespaces/${namespace}/pods`)).items;
      const running = pods.filter(({ status }) => status?.phase === 'Running');
      const names = pods.map(({ metadata }) => metadata.labels?.['job-name'] ?? '');
      const twice = names.filter((name, at) => names.indexOf(name) !== at);
      process.stdout.write(
        `${crashes()} crashes over ${proxy.outcomes.length} calls in ${lives.length} lives: ${jobs.length} TrainJobs, ${twice.length} duplicates, ${running.length} orphans\n`,
      );
      expect(jobs.map(({ metadata }) => metadata.uid).sort()).toEqual(
        lives.map(({ uid }) => uid).sort(),
      );
      expect(twice).toEqual([]);
      expect(running).toEqual([]);
      expect(lives.filter(({ created }) => created > 1)).toEqual([]);
      const wrong = lives.filter(
        ({ asked, reading }) => reading.phase !== (asked === 'stop' ? 'cancelled' : 'succeeded'),
      );
      expect(wrong).toEqual([]);
    },
    SOAK ? 3_600_000 : 300_000,
  );
});
