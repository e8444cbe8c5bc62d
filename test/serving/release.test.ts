import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DsseEnvelope } from '../../core/evidence/dsse.ts';
import { generateSignerKey } from '../../kernels/evidence/keys.ts';
import { spawnScorer } from '../support/scorer-process.ts';
import type { ScorerFiles } from '../support/scorer-process.ts';
import { readTinyModel, signModel, writeTinyModels } from '../support/tiny-models.ts';

const keys = generateSignerKey();
let folder: string;
let bytes: Buffer;
let ordinal = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orrery-release-'));
  await writeTinyModels(folder);
  bytes = await readTinyModel(folder, 'logistic');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function files(changes: Partial<ScorerFiles> = {}): ScorerFiles {
  ordinal += 1;
  const release = { model: 'fraud', version: 'v1', bytes };
  return {
    ...release,
    folder: join(folder, String(ordinal)),
    envelope: signModel(keys.privateKey, release),
    publicKey: keys.publicKey,
    ...changes,
  };
}

/** The code of the one JSON line that a server which refuses to start leaves on stderr. */
async function refusal(changes: Partial<ScorerFiles>) {
  const { ended } = await spawnScorer(files(changes));
  const { code: exit, stderr } = await ended;
  const lines = stderr.trimEnd().split('\n');
  expect(lines).toHaveLength(1);
  return { exit, ...(JSON.parse(lines[0] ?? '') as { code: string; message: string }) };
}

describe('the scoring server', () => {
  it('refuses a truncated model with MODEL_INVALID', async () => {
    const told = await refusal({ bytes: bytes.subarray(0, bytes.length - 20) });
    expect(told).toMatchObject({ exit: 1, code: 'MODEL_INVALID' });
    expect(told.message).toContain('SHA-256');
  });

  it('refuses a truncated model that was signed as it is with MODEL_INVALID', async () => {
    const cut = bytes.subarray(0, bytes.length - 20);
    const envelope = signModel(keys.privateKey, { model: 'fraud', version: 'v1', bytes: cut });
    expect(await refusal({ bytes: cut, envelope })).toMatchObject({
      exit: 1,
      code: 'MODEL_INVALID',
    });
  });

  it('refuses a statement signed by another key with SIGNATURE_INVALID', async () => {
    const other = generateSignerKey();
    const envelope = signModel(other.privateKey, { model: 'fraud', version: 'v1', bytes });
    expect(await refusal({ envelope })).toMatchObject({ exit: 1, code: 'SIGNATURE_INVALID' });
  });

  it('refuses a changed payload with SIGNATURE_INVALID', async () => {
    const good = files().envelope;
    const text = Buffer.from(good.payload, 'base64').toString('utf8');
    const payload = Buffer.from(text.replace('dana', 'mara')).toString('base64');
    expect(await refusal({ envelope: { ...good, payload } })).toMatchObject({
      exit: 1,
      code: 'SIGNATURE_INVALID',
    });
  });

  it('refuses a statement about another version with SIGNATURE_INVALID', async () => {
    const envelope = signModel(keys.privateKey, { model: 'fraud', version: 'v2', bytes });
    const told = await refusal({ envelope });
    expect(told).toMatchObject({ exit: 1, code: 'SIGNATURE_INVALID' });
    expect(told.message).toContain('fraud/v2');
  });

  it('refuses what is no envelope with SIGNATURE_INVALID', async () => {
    const envelope = { signatures: 'none' } as unknown as DsseEnvelope;
    expect(await refusal({ envelope })).toMatchObject({ exit: 1, code: 'SIGNATURE_INVALID' });
  });

  it('tells its port, is ready, and ends with code 0 on SIGTERM', async () => {
    const started = files();
    const scorer = await spawnScorer(started);
    const url = await scorer.url();
    const port = await readFile(join(started.folder, 'port.json'), 'utf8');
    expect(JSON.parse(port)).toEqual({ port: Number(new URL(url).port), pid: scorer.child.pid });
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    scorer.child.kill('SIGTERM');
    expect(await scorer.ended).toEqual({ code: 0, stderr: '' });
  });
});
