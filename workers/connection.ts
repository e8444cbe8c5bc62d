import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';
import { OrreryError } from '../core/errors.ts';

/**
 * Connects as the standard environment says (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY,
 * TEMPORAL_TLS…, or a profile of the Temporal CLI's configuration file): the same for Temporal Cloud,
 * a server of one's own, and the dev server.
 *
 * @throws OrreryError ENGINE_UNREACHABLE
 */
export async function connectEngine(): Promise<{
  connection: NativeConnection;
  namespace: string;
}> {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  try {
    const connection = await NativeConnection.connect(connectionOptions);
    return { connection, namespace: namespace ?? 'default' };
  } catch (cause) {
    const address = connectionOptions.address ?? 'its default address';
    throw new OrreryError(
      'ENGINE_UNREACHABLE',
      `Cannot connect to Temporal at ${address}: ${String(cause)}`,
      {
        cause,
      },
    );
  }
}
