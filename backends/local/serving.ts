import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { digestOf, sha256Hex } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import type { DeploySpec, EndpointReading, Serving } from '../../core/ports/serving.ts';
import type { ServiceReading } from './agent/protocol.ts';
import { stageContent } from './content-store.ts';
import { createWhole, readJson, temporaryName, writeWhole } from './disk.ts';
import { PROXY_HOST } from './envoy/bootstrap.ts';
import { freePort } from './envoy/ports.ts';
import type { ServiceAgent } from './envoy/proxy.ts';
import { keyPaths } from './keys.ts';
import { readFault, startFault } from './scorer-fault.ts';
import { isReady } from './scorer-probe.ts';
import type { LocalSettings } from './settings.ts';

type ServingSettings = Pick<LocalSettings, 'home' | 'scorer'>;

/** Longest wait for a scoring server to load its model and listen. */
const READY_MS_MAX = 60_000;
const POLL_MS = 30;
/** The server drains for 10 s at most. */
const GRACE_SECONDS = 15;
/** How often another port is tried when somebody was faster. */
const PORT_TRIES_MAX = 3;

/** `<home>/endpoints/<name>/endpoint.json`: what was deployed under a key. */
interface Endpoint {
  readonly key: string;
  readonly specDigest: string;
  readonly model: string;
  readonly version: string;
  /** Chosen before the start and kept, so that a server that died comes back at its address. */
  readonly port: number;
}

/** Scoring servers as services of the host agent, each in a folder of its own. */
export function createServing(settings: ServingSettings, agent: ServiceAgent): Serving {
  const places = (key: string) => placesOf(settings.home, key);
  return {
    async deploy(spec) {
      for (let attempt = 1; ; attempt += 1) {
        const endpoint = await stage(settings.home, spec, agent);
        const reading = await start(settings, endpoint, agent);
        const fault = await faultUntilReady(settings.home, endpoint, agent);
        if (fault === null) return read(settings.home, spec.key, agent);
        if (fault.code !== 'PORT_IN_USE' || attempt === PORT_TRIES_MAX) {
          throw startFault(spec, fault, reading.logPath);
        }
        await rm(places(spec.key).record, { force: true });
      }
    },
    read: (key) => read(settings.home, key, agent),
    async undeploy(key) {
      await agent.stopService(places(key).service);
      await rm(places(key).folder, { recursive: true, force: true });
    },
  };
}

function placesOf(home: string, key: string) {
  const name = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}$/.test(key)
    ? key
    : `e${sha256Hex(Buffer.from(key)).slice(0, 40)}`;
  const folder = join(home, 'endpoints', name);
  return {
    service: `scorer-${name}`,
    folder,
    record: join(folder, 'endpoint.json'),
    model: join(folder, 'model.onnx'),
    envelope: join(folder, 'envelope.json'),
    portFile: join(folder, 'port.json'),
  };
}

/**
 * Writes the files of the endpoint, unless a server of the same spec runs. The record is created by
 * exactly one of any number of callers, so all of them start the same server on the same port; the
 * other files are replaced whole, and by the same content.
 *
 * Two specs are the same when they state the same about the same file: a statement that was signed
 * again has another signature. The latest signature is the one that a server which starts verifies.
 *
 * @throws OrreryError NAME_TAKEN, ARTIFACT_MISSING, ARTIFACT_CORRUPT, DISK_FULL
 */
async function stage(home: string, spec: DeploySpec, agent: ServiceAgent): Promise<Endpoint> {
  const places = placesOf(home, spec.key);
  const { key, model, version, region, modelRef, envelope } = spec;
  const { payload } = envelope;
  const specDigest = digestOf({ model, version, region, sha256: modelRef.sha256, payload });
  const found = await readJson<Endpoint>(places.record);
  const isRunning = found !== null && (await agent.readService(places.service)).phase === 'running';
  if (found !== null && found.specDigest !== specDigest) {
    if (isRunning) {
      throw new OrreryError(
        'NAME_TAKEN',
        `Cannot deploy ${model}/${version} as "${key}": ${found.model}/${found.version} runs under this key with another spec, wanted the same or none`,
      );
    }
    await rm(places.record, { force: true });
  }
  if (isRunning) return found;
  await writeWhole(places.envelope, JSON.stringify(envelope));
  const staged = join(places.folder, temporaryName());
  await stageContent(home, modelRef, staged);
  await rename(staged, places.model);
  const endpoint = { key, specDigest, model, version, port: await freePort() };
  await createWhole(places.record, JSON.stringify(endpoint));
  const kept = await readJson<Endpoint>(places.record);
  if (kept?.specDigest === specDigest) return kept;
  throw new OrreryError(
    'NAME_TAKEN',
    `Cannot deploy ${model}/${version} as "${key}": another spec is deployed under this key at this moment, wanted one at a time`,
  );
}

function start(
  { home, scorer }: ServingSettings,
  { key, model, version, port }: Endpoint,
  agent: ServiceAgent,
): Promise<ServiceReading> {
  const places = placesOf(home, key);
  return agent.startService({
    name: places.service,
    command: scorer,
    env: {
      ORRERY_MODEL_FILE: places.model,
      ORRERY_ENVELOPE_FILE: places.envelope,
      ORRERY_SIGNER_PUBLIC_KEY_FILE: keyPaths(home).signerPublic,
      ORRERY_MODEL: model,
      ORRERY_VERSION: version,
      ORRERY_PORT: String(port),
      ORRERY_PORT_FILE: places.portFile,
    },
    graceSeconds: GRACE_SECONDS,
  });
}

/** Waits for readiness; answers with null, or with what the process said when it ended. */
async function faultUntilReady(home: string, endpoint: Endpoint, agent: ServiceAgent) {
  const { key, model, version, port } = endpoint;
  const { service } = placesOf(home, key);
  const giveUpAt = Date.now() + READY_MS_MAX;
  for (;;) {
    const reading = await agent.readService(service);
    if (reading.phase !== 'running') return readFault(reading);
    if (await isReady(port, `${model}/${version}`)) return null;
    if (Date.now() > giveUpAt) {
      return {
        code: 'DEPLOY_FAILED' as const,
        message: `it is not ready after ${READY_MS_MAX / 1000} s`,
      };
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function read(home: string, key: string, agent: ServiceAgent): Promise<EndpointReading> {
  const places = placesOf(home, key);
  const endpoint = await readJson<Endpoint>(places.record);
  const service = await agent.readService(places.service);
  const logUri = pathToFileURL(service.logPath).href;
  if (endpoint === null || service.phase === 'gone') {
    const version = endpoint?.version ?? '';
    return { key, phase: 'gone', address: null, version, reason: 'nothing runs here', logUri };
  }
  const { model, version, port } = endpoint;
  const known = { key, address: `${PROXY_HOST}:${port}`, version, logUri };
  if (service.phase === 'exited') {
    const { code, message } = await readFault(service);
    return { ...known, phase: 'failed', reason: `${code}: ${message}` };
  }
  return (await isReady(port, `${model}/${version}`))
    ? { ...known, phase: 'ready', reason: 'it answers' }
    : { ...known, phase: 'starting', reason: 'it runs and is not ready' };
}
