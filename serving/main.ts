/**
 * The scoring server of one model version.
 *
 * States: loading (nothing listens) → ready (the port file is written) → draining (SIGTERM or
 * SIGINT) → gone, exit 0. A release that does not verify, or a model that does not load, ends the
 * process before it listens: exit 1 and one JSON line `{"code", "message"}` as the last of stderr.
 */
import { rename, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { OrreryError } from '../core/errors.ts';
import { loadModel } from './model.ts';
import { readRelease } from './release.ts';
import { createServer } from './server.ts';
import { readSettings } from './settings.ts';
import type { ScorerSettings } from './settings.ts';

/** How long new requests are still served after the order to end. */
const LAME_DUCK_MS = 300;
/** Longest wait for requests in flight; what has not ended by then is cut and the exit code is 1. */
const DRAIN_MS_MAX = 10_000;

async function start(): Promise<void> {
  const settings = readSettings(process.env);
  const scorer = await loadModel(await readRelease(settings));
  const server = createServer({ scorer, model: settings.model, version: settings.version });
  await server.app.listen({ host: '127.0.0.1', port: settings.port });

  let ending = false;
  const end = () => {
    if (ending) return;
    ending = true;
    setTimeout(() => process.exit(1), DRAIN_MS_MAX).unref();
    server.drain(LAME_DUCK_MS).then(() => process.exit(0), fail);
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  await tellPort(settings, (server.app.server.address() as AddressInfo).port);
}

async function tellPort(settings: ScorerSettings, port: number): Promise<void> {
  const scratch = `${settings.portFile}.${process.pid}`;
  await writeFile(scratch, JSON.stringify({ port, pid: process.pid }));
  await rename(scratch, settings.portFile);
}

function fail(error: unknown): void {
  process.stderr.write(`${JSON.stringify(describeError(error))}\n`, () => process.exit(1));
}

function describeError(error: unknown): { code: string; message: string } {
  if (error instanceof OrreryError) return { code: error.code, message: error.message };
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return { code: 'PORT_IN_USE', message: `Cannot start the scoring server: ${error.message}` };
  }
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
}

start().catch(fail);
