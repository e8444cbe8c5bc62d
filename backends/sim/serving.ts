import { digestOf } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import type { ReleaseStatement } from '../../core/evidence/dsse.ts';
import type { DeploySpec, EndpointReading, Serving } from '../../core/ports/serving.ts';
import type { Signer } from '../../core/ports/signer.ts';
import type { SimStore } from './artifacts.ts';
import type { VirtualClock } from './clock.ts';
import type { Journal, JournalEntry } from './journal.ts';
import { decodeModel } from './programs.ts';
import { versionOf, type FullScript } from './settings.ts';

interface Endpoint {
  readonly key: string;
  readonly version: string;
  readonly specDigest: string;
  readonly address: string;
  readonly readyAt: number;
  readonly fails: boolean;
  gone: boolean;
}
interface Surroundings {
  readonly script: FullScript;
  readonly clock: VirtualClock;
  readonly journal: Journal;
  readonly store: SimStore;
  readonly signer: Signer;
}

/**
 * Model servers. An endpoint is starting until `readyAt`, then ready or failed by the script, and
 * gone once undeployed. A deployment under the key of a failed or gone one starts a new server on
 * a new address.
 */
export class SimServing implements Serving {
  readonly #world: Surroundings;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #downAddresses = new Set<string>();
  /** Version → deployments that were started. */
  readonly #deploys = new Map<string, number>();
  #started = 0;

  constructor(world: Surroundings) {
    this.#world = world;
  }

  /** Whether a server of this world was on the address and is there no more. */
  isDown(address: string): boolean {
    return this.#downAddresses.has(address);
  }

  async deploy(spec: DeploySpec): Promise<EndpointReading> {
    const { clock } = this.#world;
    const specDigest = digestOf(spec);
    await this.#checkModel(spec);
    // From here to the start nothing waits, so that two calls cannot both start a server.
    const before = this.#endpoints.get(spec.key);
    const lives = before !== undefined && !before.gone && this.#phaseOf(before) !== 'failed';
    if (lives && before.specDigest !== specDigest) {
      throw new OrreryError(
        'NAME_TAKEN',
        `Cannot deploy ${spec.model}/${spec.version} as ${spec.key}: the endpoint serves ${before.version}, or another file`,
      );
    }
    const endpoint = lives ? before : this.#start(spec, specDigest);
    await clock.sleep(endpoint.readyAt - clock.now());
    const reading = this.#readingOf(endpoint);
    if (reading.phase === 'ready') return reading;
    throw new OrreryError(
      'DEPLOY_FAILED',
      `Cannot deploy ${spec.model}/${spec.version} as ${spec.key}: it is ${reading.phase}, wanted ready; see ${reading.logUri}`,
    );
  }

  async read(key: string): Promise<EndpointReading> {
    const endpoint = this.#endpoints.get(key);
    if (endpoint !== undefined) return this.#readingOf(endpoint);
    const reason = 'no endpoint has this key';
    return { key, phase: 'gone', address: null, version: '', reason, logUri: logUriOf(key) };
  }

  async undeploy(key: string): Promise<void> {
    this.end(key, 'caller');
  }

  /** Ends a server; what is sent to its address fails from now on. */
  end(key: string, by: JournalEntry['by']): void {
    const endpoint = this.#endpoints.get(key);
    if (endpoint === undefined || endpoint.gone) return;
    endpoint.gone = true;
    this.#downAddresses.add(endpoint.address);
    this.#world.journal.add({ what: 'endpoint.gone', key, version: endpoint.version }, by);
  }

  #start(spec: DeploySpec, specDigest: string): Endpoint {
    const { script, clock, journal } = this.#world;
    const { key, version } = spec;
    const deploys = (this.#deploys.get(version) ?? 0) + 1;
    this.#deploys.set(version, deploys);
    this.#started += 1;
    const endpoint: Endpoint = {
      key,
      version,
      specDigest,
      address: `server-${this.#started}.sim:8080`,
      readyAt: clock.now() + script.deploySeconds * 1000,
      fails: deploys <= versionOf(script, version).deploysFail,
      gone: false,
    };
    this.#endpoints.set(key, endpoint);
    journal.add({ what: 'endpoint.started', key, version });
    if (endpoint.fails) {
      this.#downAddresses.add(endpoint.address);
      journal.add({ what: 'endpoint.failed', key, version }, 'caller', endpoint.readyAt);
    }
    return endpoint;
  }

  /** What a server checks before it loads a file: signature, digest, names, format. */
  async #checkModel(spec: DeploySpec): Promise<void> {
    const { signer, store } = this.#world;
    const { payload } = await signer.verify(spec.envelope);
    const statement = JSON.parse(new TextDecoder().decode(payload)) as ReleaseStatement;
    const { model, version } = statement.predicate ?? {};
    const name = `${spec.model}/${spec.version}`;
    if (model !== spec.model || version !== spec.version) {
      throw new OrreryError(
        'SIGNATURE_INVALID',
        `Cannot deploy ${name}: the signed statement is for ${model}/${version}`,
      );
    }
    const signed = statement.subject?.[0]?.digest.sha256;
    if (signed !== spec.modelRef.sha256) {
      throw new OrreryError(
        'MODEL_INVALID',
        `Cannot deploy ${name}: the digest of the file is ${spec.modelRef.sha256}, signed is ${signed}`,
      );
    }
    if (decodeModel(store.bytesOf(spec.modelRef)) === null) {
      throw new OrreryError(
        'MODEL_INVALID',
        `Cannot deploy ${name}: ${spec.modelRef.uri} is no model file of this world`,
      );
    }
  }

  #phaseOf(endpoint: Endpoint): EndpointReading['phase'] {
    if (endpoint.gone) return 'gone';
    if (this.#world.clock.now() < endpoint.readyAt) return 'starting';
    return endpoint.fails ? 'failed' : 'ready';
  }

  #readingOf(endpoint: Endpoint): EndpointReading {
    const { key, version } = endpoint;
    const phase = this.#phaseOf(endpoint);
    const address = phase === 'gone' ? null : endpoint.address;
    const reason = phase === 'failed' ? 'the script lets this deployment fail' : phase;
    return { key, phase, address, version, reason, logUri: logUriOf(key) };
  }
}

function logUriOf(key: string): string {
  return `sim://endpoints/${key}/log`;
}
