/** Bytes on their way between the worker's disk and the host, checked by their digests at both ends. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { OrreryError } from '../../core/errors.ts';
import type { ArtifactRef } from '../../core/ports/artifacts.ts';
import type { Host } from './host.ts';

/**
 * Copies the inputs that the host does not have yet.
 *
 * @throws OrreryError OPERATION_UNSUPPORTED for what is no file of this machine, ARTIFACT_MISSING, ARTIFACT_CORRUPT
 */
export async function sendInputs(host: Host, inputs: readonly ArtifactRef[]): Promise<void> {
  if (inputs.length === 0) return;
  const action = `look for ${inputs.length} inputs`;
  const words = inputs.map(({ sha256 }) => sha256);
  const missing = new Set(
    (await host.ask({ action, order: 'missing', words })).map(([, sha256]) => sha256),
  );
  for (const input of inputs) {
    // Two names may mean the same bytes.
    if (missing.delete(input.sha256)) await send(host, input);
  }
}

async function send(host: Host, { uri, sha256, bytes }: ArtifactRef): Promise<void> {
  const path = pathOf(uri);
  const facts = await stat(path).catch((cause: unknown) => {
    const state = `there is no readable file ${path}`;
    throw new OrreryError('ARTIFACT_MISSING', `Cannot send ${sha256}: ${state}`, { cause });
  });
  if (facts.size !== bytes) throw corrupt(sha256, `${facts.size} bytes`, `${bytes}`);
  const { through, digest } = hashing();
  const sending = host.ask({
    action: `send the input ${sha256}`,
    order: 'put',
    words: [sha256],
    send: (to) => pipeline(createReadStream(path), through, to),
  });
  await sending.catch((error: unknown) => {
    // The host refuses other bytes, whoever spoiled them: here it shows who.
    if (through.readableEnded && digest() !== sha256) throw corrupt(sha256, digest(), sha256);
    throw error;
  });
}

/**
 * Brings an output into the worker's store, unless it is there.
 *
 * @throws OrreryError ARTIFACT_MISSING when the host has it no more, ARTIFACT_CORRUPT
 */
export async function fetchOutput(
  host: Host,
  store: string,
  output: {
    readonly key: string;
    readonly name: string;
    readonly sha256: string;
    readonly bytes: number;
  },
): Promise<ArtifactRef> {
  const { key, name, sha256, bytes } = output;
  const path = join(store, 'sha256', sha256.slice(0, 2), sha256);
  const ref = { uri: pathToFileURL(path).href, sha256, bytes };
  const there = await stat(path).catch(() => null);
  if (there?.size === bytes) return ref;
  const incoming = join(store, 'incoming', `ssh-${process.pid}-${randomBytes(6).toString('hex')}`);
  await mkdir(dirname(incoming), { recursive: true });
  await mkdir(dirname(path), { recursive: true });
  try {
    const { through, digest } = hashing();
    await host.ask({
      action: `fetch the output ${name} of ${key}`,
      order: 'fetch',
      words: [key, name],
      receive: (from) =>
        pipeline(from, through, createWriteStream(incoming, { mode: 0o444, flush: true })),
    });
    if (digest() !== sha256) throw corrupt(sha256, digest(), sha256);
    await rename(incoming, path);
    return ref;
  } finally {
    await rm(incoming, { force: true });
  }
}

function pathOf(uri: string): string {
  try {
    return fileURLToPath(uri);
  } catch (cause) {
    throw new OrreryError(
      'OPERATION_UNSUPPORTED',
      `Cannot send "${uri}" to the host: it is no file of the worker, wanted file:///…`,
      { cause },
    );
  }
}

function hashing() {
  const hash = createHash('sha256');
  let hex: string | null = null;
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  return { through, digest: () => (hex ??= hash.digest('hex')) };
}

function corrupt(sha256: string, state: string, wanted: string): OrreryError {
  return new OrreryError(
    'ARTIFACT_CORRUPT',
    `Cannot use the artifact ${sha256}: it has ${state}, wanted ${wanted}`,
  );
}
