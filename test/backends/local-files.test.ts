import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createArtifacts } from '../../backends/local/artifacts.ts';
import { resolveCommand } from '../../backends/local/compute.ts';
import { contentPath } from '../../backends/local/content-store.ts';
import { diskError } from '../../backends/local/disk.ts';
import { approverKeyPath, ensureKeys } from '../../backends/local/keys.ts';
import { createModels } from '../../backends/local/models.ts';
import { createPrices } from '../../backends/local/prices.ts';
import { localSettings } from '../../backends/local/settings.ts';
import { createSigner } from '../../backends/local/signer.ts';
import type { ModelVersion } from '../../core/ports/models.ts';
import { ed25519KeyId } from '../../kernels/evidence/approval.ts';

/** Real processes are slow on a loaded machine. */
jest.setTimeout(60_000);

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'orrery-files-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

describe('artifacts', () => {
  const bytes = Buffer.from('weights');

  it('keeps one read-only copy of the same bytes', async () => {
    const artifacts = createArtifacts({ home });
    const [first, second] = await Promise.all([artifacts.put(bytes), artifacts.put(bytes)]);
    expect(second).toEqual(first);
    expect(first.bytes).toBe(7);
    expect(statSync(contentPath(home, first.sha256)).mode & 0o777).toBe(0o444);
    expect(readdirSync(join(home, 'artifacts', 'incoming'))).toEqual([]);
    expect(Buffer.from(await artifacts.read(first)).toString()).toBe('weights');
    expect(await artifacts.has(first)).toBe(true);
  });

  it('refuses damaged bytes, and putting the right ones again mends them', async () => {
    const artifacts = createArtifacts({ home });
    const ref = await artifacts.put(Buffer.from('precious'));
    const path = contentPath(home, ref.sha256);
    await chmod(path, 0o644);
    await writeFile(path, 'previous');
    await expect(artifacts.read(ref)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    await artifacts.put(Buffer.from('precious'));
    expect(Buffer.from(await artifacts.read(ref)).toString()).toBe('precious');
  });

  it('misses what was never put', async () => {
    const artifacts = createArtifacts({ home });
    const ref = { uri: '', sha256: 'a'.repeat(64), bytes: 1 };
    await expect(artifacts.read(ref)).rejects.toMatchObject({ code: 'ARTIFACT_MISSING' });
    expect(await artifacts.has(ref)).toBe(false);
    await expect(artifacts.read({ ...ref, sha256: '../../keys' })).rejects.toMatchObject({
      code: 'ARTIFACT_MISSING',
    });
  });

  it('imports a file larger than a piece with the digest of its content', async () => {
    const artifacts = createArtifacts({ home });
    const path = join(home, 'large.csv');
    const large = Buffer.alloc(3_000_000, 'row,');
    await writeFile(path, large);
    const imported = await artifacts.import(pathToFileURL(path).href);
    expect(imported).toEqual(await artifacts.put(large));
  });

  it.each([
    ['a file that is not there', 'file:///nowhere/data.csv'],
    ['a folder', 'file:///tmp'],
    ['another scheme', 'https://example.org/data.csv'],
    ['no address', 'data.csv'],
  ])('cannot import %s', async (_, uri) => {
    await expect(createArtifacts({ home }).import(uri)).rejects.toMatchObject({
      code: 'DATA_UNREADABLE',
    });
  });

  it('says that the disk is full', async () => {
    // Writes to /dev/full fail with ENOSPC, whoever writes.
    const path = join(home, 'full');
    await symlink('/dev/full', path);
    const failed = await writeFile(path, 'x').then(
      () => null,
      (error: unknown) => error,
    );
    expect(diskError(path, failed)).toMatchObject({ code: 'DISK_FULL' });
  });
});

describe('models', () => {
  const ref = { uri: '', sha256: 'a'.repeat(64), bytes: 1 };
  const record: ModelVersion = {
    model: 'fraud',
    version: 'v1',
    author: 'ada',
    modelRef: ref,
    reportRef: ref,
    envelopeRef: ref,
    workflowId: 'lifecycle/fraud/v1',
  };
  const next = { champion: 'v1', previous: null, challenger: null };

  it('registers a version once, and again only as it is', async () => {
    const models = createModels({ home });
    expect(await models.read('fraud', 'v1')).toBeNull();
    await models.register(record);
    await models.register({ ...record });
    expect(await models.read('fraud', 'v1')).toEqual(record);
    await expect(models.register({ ...record, author: 'eve' })).rejects.toMatchObject({
      code: 'VERSION_TAKEN',
    });
  });

  it('changes a fact only from the generation that the caller has seen', async () => {
    const models = createModels({ home });
    const change = { model: 'fraud', region: 'eu', expectedGeneration: 0, next };
    expect((await models.fact('fraud', 'eu')).generation).toBe(0);
    expect(await models.changeFact(change)).toEqual({ ...next, generation: 1 });
    await expect(models.changeFact(change)).rejects.toMatchObject({ code: 'CHAMPION_MOVED' });
    await expect(models.changeFact({ ...change, expectedGeneration: 5 })).rejects.toMatchObject({
      code: 'CHAMPION_MOVED',
    });
    expect(await models.fact('fraud', 'eu')).toEqual({ ...next, generation: 1 });
    expect((await models.fact('fraud', 'us')).generation).toBe(0);
  });

  it('lets one of many processes win each generation', async () => {
    const source = new URL('../../backends/local/models.ts', import.meta.url).href;
    const generations = 30;
    const program = `
      const { createModels } = await import(${JSON.stringify(source)});
      const models = createModels({ home: ${JSON.stringify(home)} });
      let won = 0;
      for (;;) {
        const { generation } = await models.fact('race', 'eu');
        if (generation >= ${generations}) break;
        await models.changeFact({ model: 'race', region: 'eu', expectedGeneration: generation,
          next: { champion: null, previous: null, challenger: null } }).then(() => (won += 1), (error) => {
          if (error.code !== 'CHAMPION_MOVED') throw error; });
      }
      console.log(won);`;
    const won = await Promise.all([1, 2, 3].map(() => printedNumber(program)));
    expect(won.reduce((sum, each) => sum + each, 0)).toBe(generations);
  });

  it('refuses names that leave its folder', async () => {
    const models = createModels({ home });
    const refused = { code: 'REQUEST_INVALID' };
    await expect(models.fact('../keys', 'eu')).rejects.toMatchObject(refused);
    await expect(models.read('fraud', '../../x')).rejects.toMatchObject(refused);
  });
});

describe('keys and signer', () => {
  it('makes keys once, private ones for their owner alone', async () => {
    const [paths] = await Promise.all([ensureKeys(home, ['ada']), ensureKeys(home, ['ada'])]);
    const before = await readFile(paths.signer, 'utf8');
    await ensureKeys(home, ['ada', 'grace']);
    expect(await readFile(paths.signer, 'utf8')).toBe(before);
    for (const path of [paths.signer, approverKeyPath(home, 'ada')]) {
      expect(statSync(path).mode & 0o777).toBe(0o600);
    }
    await expect(ensureKeys(home, ['../x'])).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  it('signs what it verifies, and knows its approvers by their key', async () => {
    const { approvers } = await ensureKeys(home, ['ada', 'grace']);
    const signer = createSigner({ home });
    const envelope = await signer.sign('text/plain', Buffer.from('release'));
    const statement = await signer.verify(envelope);
    expect(Buffer.from(statement.payload).toString()).toBe('release');
    await expect(
      signer.verify({ ...envelope, payload: Buffer.from('other').toString('base64') }),
    ).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
    const publicKey = await readFile(join(approvers, 'grace.pub.pem'), 'utf8');
    expect(await signer.approver(ed25519KeyId(publicKey))).toEqual({ name: 'grace', publicKey });
    expect(await signer.approver('0'.repeat(64))).toBeNull();
  });

  it('is unavailable without its keys', async () => {
    const empty = join(home, 'empty');
    await mkdir(empty);
    const signer = createSigner({ home: empty });
    const unavailable = { code: 'SIGNER_UNAVAILABLE' };
    await expect(signer.sign('text/plain', Buffer.from(''))).rejects.toMatchObject(unavailable);
    await expect(signer.approver('0'.repeat(64))).rejects.toMatchObject(unavailable);
    expect(existsSync(join(empty, 'keys'))).toBe(false);
  });
});

describe('settings', () => {
  const fit = {
    home: '/srv/orrery',
    programs: { python: ['/srv/orrery/venv/bin/python'] },
    scorer: ['node', 'serving/main.ts'],
    envoy: '/usr/bin/envoy',
    usdPerHour: 0.05,
    proxyPort: 0,
    adminPort: 0,
  };

  it('that do not fit are refused by the names of their members', () => {
    expect(localSettings.parse(fit)).toEqual(fit);
    expect(() => localSettings.parse({ ...fit, home: 'relative', usdPerHour: -1 })).toThrow(
      /home: wanted an absolute path; usdPerHour: /,
    );
    expect(() => localSettings.parse({ ...fit, surprise: 1 })).toThrow(/surprise/);
  });

  it('resolve the first word of a command, and an unknown word names the known ones', () => {
    const resolve = (...command: string[]) => resolveCommand(command, fit.programs);
    expect(resolve('python', 'train.py')).toEqual(['/srv/orrery/venv/bin/python', 'train.py']);
    expect(resolve('/bin/sh', '-c', 'true')).toEqual(['/bin/sh', '-c', 'true']);
    expect(() => resolve('toString')).toThrow(
      /knows no such program, wanted a path or one of python/,
    );
  });

  it('state the price of a job', async () => {
    const quote = await createPrices(fit).quote({ cpus: 2, memoryMiB: 512 });
    expect(quote).toMatchObject({ usdPerHour: 0.05, source: 'settings of the local backend' });
    expect(quote.asOf).toMatch(/^\d{4}-\d\d-\d\d$/);
  });
});

async function printedNumber(program: string): Promise<number> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] ?? '' },
  });
  let printed = '';
  for await (const chunk of child.stdout) printed += String(chunk);
  return Number(printed);
}
