import { Client, Connection } from '@temporalio/client';
import type { ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { OrreryError } from '../core/errors.ts';
import { orreryHome, readUp } from './home.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Milliseconds to wait for the first answer of the server. */
const CONNECT_MS_MAX = 4_000;
const DEFAULT_ADDRESS = '127.0.0.1:7233';

export interface Engine {
  readonly client: Client;
  readonly address: string;
  readonly namespace: string;
  close(): Promise<void>;
}

/**
 * Opens a client by Temporal's own environment configuration: `TEMPORAL_*` variables and the TOML
 * profile, with mutual TLS and API keys. Without an address there, the one that `up` wrote is taken,
 * else 127.0.0.1:7233. The connection is lazy, so that `ensureReachable` says what is wrong.
 *
 * @throws OrreryError SETTINGS_INVALID when the profile is malformed
 */
export async function openEngine(env: Env): Promise<Engine> {
  const profile = readProfile(env);
  const { connectionOptions } = profile;
  // What `up` wrote counts only where the configuration names no server of its own.
  const up = connectionOptions.address === undefined ? await readUp(orreryHome(env)) : null;
  const address = connectionOptions.address ?? up?.temporalAddress ?? DEFAULT_ADDRESS;
  const namespace = profile.namespace ?? up?.namespace ?? 'default';
  const connection = Connection.lazy({
    ...connectionOptions,
    address,
    connectTimeout: CONNECT_MS_MAX,
  });
  return {
    client: new Client({ connection, namespace }),
    address,
    namespace,
    close: () => connection.close(),
  };
}

/** Fails fast when the server is down. @throws OrreryError ENGINE_UNREACHABLE */
export async function ensureReachable({ client, address }: Engine): Promise<void> {
  try {
    await client.connection.ensureConnected();
  } catch (cause) {
    throw new OrreryError(
      'ENGINE_UNREACHABLE',
      `Cannot reach the Temporal server at ${address}: no answer within ${CONNECT_MS_MAX / 1000} s`,
      { cause },
    );
  }
}

function readProfile(env: Env): { connectionOptions: ConnectionOptions; namespace?: string } {
  try {
    const { connectionOptions, namespace } = loadClientConnectConfig({
      overrideEnvVars: definedOnly(env),
    });
    return {
      connectionOptions: connectionOptions as ConnectionOptions,
      ...(namespace === undefined ? {} : { namespace }),
    };
  } catch (cause) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot read Temporal's client configuration: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

function definedOnly(env: Env): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}
