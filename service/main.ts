import { OrreryError } from '../core/errors.ts';
import { openEngine } from './connect.ts';
import { createApi } from './http/create-api.ts';
import { readApiSettings } from './http/settings.ts';

/**
 * Serves the HTTP API until SIGTERM or SIGINT: requests that run are finished, then the process
 * ends. Whether the Temporal server answers is told by `/readyz`, so the order of starting does not
 * matter.
 *
 * @throws OrreryError SETTINGS_INVALID, PORT_IN_USE
 */
export async function serve(
  env: NodeJS.ProcessEnv,
): Promise<{ address: string; end(): Promise<void> }> {
  const { host, port, authenticate } = readApiSettings(env);
  const engine = await openEngine(env);
  const api = await createApi({ client: engine.client, authenticate, logFailures: true });
  const end = async () => {
    await api.close();
    await engine.close();
  };
  try {
    return { address: await api.listen({ host, port }), end };
  } catch (cause) {
    await end();
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw new OrreryError(
      'PORT_IN_USE',
      `Cannot serve on ${host}:${port}: another process listens there, wanted a free port (ORRERY_API_PORT)`,
      { cause },
    );
  }
}

async function main(): Promise<void> {
  const { address, end } = await serve(process.env);
  process.stdout.write(`${JSON.stringify({ listening: address })}\n`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end());
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    const code = error instanceof OrreryError ? error.code : 'INTERNAL';
    const text = error instanceof OrreryError ? error.message : (error as Error).stack;
    process.stderr.write(`error ${code}: ${text}\n`);
    process.exitCode = 1;
  });
}
