import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { codeOf, googleError } from '../../../backends/connections/google/errors.ts';
import {
  decodeLabelValue,
  encodeLabelValue,
  workLabels,
  workLabelsOf,
} from '../../../backends/connections/google/labels.ts';
import { backend } from '../../../backends/vertex/index.ts';
import { vertexSettings } from '../../../backends/vertex/settings.ts';
import { OrreryError } from '../../../core/errors.ts';
import { openVertex, settingsFor } from './opened.ts';
import type { Opened } from './opened.ts';

const SETTINGS = {
  project: 'project-of-tests',
  location: 'europe-west4',
  storage: { root: 'gs://bucket-of-tests/orrery' },
  machines: [
    { machineType: 'e2-standard-4', cpus: 4, memoryMiB: 16_384, usdPerHour: { STANDARD: 0.15 } },
  ],
  pricesAsOf: '2026-11-01',
};

describe('The settings of vertex', () => {
  it('are accepted with what must be said, and have the defaults of the schema', () => {
    expect(vertexSettings.parse(SETTINGS)).toMatchObject({
      submit: 'pipeline',
      insecure: false,
      pollSeconds: 5,
      scheduling: { strategy: 'STANDARD' },
    });
  });

  it.each([
    ['a location that is no region', { location: 'Europe' }, 'location: wanted a region'],
    [
      'plain text to another machine',
      { insecure: true, apiEndpoint: 'api.example:80' },
      'insecure',
    ],
    ['plain text to Google', { insecure: true }, 'insecure'],
    ['a proxy with credentials', { proxy: 'http://me:secret@proxy:3128' }, 'proxy: wanted'],
    ['a member that nobody knows', { credentials: 'x' }, 'credentials'],
    ['a strategy without a price', { scheduling: { strategy: 'SPOT' } }, 'no price for SPOT'],
    ['a bucket without a prefix', { storage: { root: 'gs://bucket-of-tests' } }, 'storage.root'],
    ['no machine', { machines: [] }, 'machines'],
  ])('refuse %s with SETTINGS_INVALID', (_, change, told) => {
    const parse = () => vertexSettings.parse({ ...SETTINGS, ...change });
    expect(parse).toThrow(OrreryError);
    expect(parse).toThrow(told);
    expect(parse).not.toThrow(/secret/);
  });
});

describe('Labels under Google Cloud’s rules', () => {
  it('are read back as they were written, and fit', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const value = encodeLabelValue(text);
        expect(value).toMatch(/^[a-z0-9_-]*$/);
        expect(decodeLabelValue(value)).toBe(Buffer.from(text).toString('utf8'));
      }),
    );
  });

  it('carry a workflow id of full length in parts', () => {
    const workflowId = `lifecycle/${'m'.repeat(40)}/${'1.'.repeat(20)}`;
    const labels = { model: 'fraud', version: '1.2_a', workflowId };
    const written = workLabels({ kind: 'job', key: 'j1', specDigest: 'a'.repeat(64), labels });
    for (const [key, value] of Object.entries(written)) {
      expect(key).toMatch(/^[a-z][a-z0-9_-]{0,62}$/);
      expect(value).toMatch(/^[a-z0-9_-]{0,63}$/);
    }
    expect(workLabelsOf(written)).toEqual(labels);
  });
});

describe('googleError', () => {
  it.each([
    [16, 'Request had invalid authentication credentials.', 'CREDENTIALS_INVALID'],
    [14, 'Getting metadata from plugin failed with error: invalid_grant', 'CREDENTIALS_INVALID'],
    [7, 'Permission denied', 'ACCESS_DENIED'],
    [8, 'Quota exceeded for quota metric', 'QUOTA_EXCEEDED'],
    [8, 'The zone does not have enough resources available', 'CAPACITY_MISSING'],
    [8, 'ZONE_RESOURCE_POOL_EXHAUSTED', 'CAPACITY_MISSING'],
    [3, 'Invalid spec', 'SPEC_REJECTED'],
    [9, 'Not ready', 'SPEC_REJECTED'],
    [4, 'Deadline exceeded', 'BACKEND_UNAVAILABLE'],
    [13, 'Internal', 'BACKEND_UNAVAILABLE'],
    [14, 'Unavailable', 'BACKEND_UNAVAILABLE'],
    [12, 'Method not found', 'OPERATION_UNSUPPORTED'],
  ])('of status %i, “%s”, is %s with the words and the cause kept', (code, details, expected) => {
    const cause = Object.assign(new Error(`${code} ${details}`), { code, details });
    const error = googleError('start the job', cause);
    expect(error).toMatchObject({ code: expected, cause });
    expect(error.message).toContain(details);
  });

  it('of an error without a status is BACKEND_UNAVAILABLE, or CREDENTIALS_INVALID by its words', () => {
    expect(googleError('x', new Error('socket hang up')).code).toBe('BACKEND_UNAVAILABLE');
    expect(codeOf(null, 'Could not load the default credentials.')).toBe('CREDENTIALS_INVALID');
  });
});

describe('Opening vertex', () => {
  let opened: Opened;
  let folder: string;
  beforeAll(async () => {
    opened = await openVertex();
    folder = await mkdtemp(join(tmpdir(), 'orrery-vertex-'));
  });
  afterAll(async () => {
    await opened.close();
    await rm(folder, { recursive: true });
  });

  it('asks nobody, and check tells that all is well', async () => {
    const before = opened.double.wire.calls.length;
    const open = await backend.open(vertexSettings.parse(opened.settings));
    expect(opened.double.wire.calls).toHaveLength(before);
    const findings = (await open.check?.()) ?? [];
    expect(findings.map(({ subject, state }) => `${subject}: ${state}`)).toEqual([
      'endpoint: ok',
      'credentials: ok',
      'permission to list custom jobs: ok',
      'storage: ok',
      'quota: unknown',
    ]);
    await open.close();
  });

  it('check tells what fails and what to do, and throws nothing', async () => {
    const open = await backend.open(vertexSettings.parse(opened.settings));
    opened.double.storage.refusal = 403;
    const states = async () =>
      Object.fromEntries((await open.check!()).map(({ subject, state }) => [subject, state]));
    const told = 'invalid authentication credentials';
    opened.double.wire.decide = () => ({ kind: 'refuse', status: 'UNAUTHENTICATED', told });
    expect(await states()).toMatchObject({
      endpoint: 'ok',
      credentials: 'missing',
      'permission to list custom jobs': 'unknown',
      storage: 'missing',
    });
    opened.double.wire.decide = () => ({ kind: 'reset-before' });
    expect(await states()).toMatchObject({ endpoint: 'missing', credentials: 'unknown' });
    opened.double.wire.decide = () => null;
    opened.double.storage.refusal = null;
    await open.close();
  });

  it('without credentials where they are needed is CREDENTIALS_INVALID at the first call', async () => {
    const before = process.env['GOOGLE_APPLICATION_CREDENTIALS'];
    process.env['GOOGLE_APPLICATION_CREDENTIALS'] = join(folder, 'nothing.json');
    const secure = { ...SETTINGS, apiEndpoint: opened.double.wire.address, callTimeoutSeconds: 5 };
    const open = await backend.open(vertexSettings.parse(secure));
    const reading = open.ports.artifacts!.has({ uri: 'x', sha256: 'a'.repeat(64), bytes: 1 });
    await expect(reading).rejects.toMatchObject({ code: 'CREDENTIALS_INVALID' });
    process.env['GOOGLE_APPLICATION_CREDENTIALS'] = before;
    if (before === undefined) delete process.env['GOOGLE_APPLICATION_CREDENTIALS'];
    await open.close();
  });

  it('with authorities that cannot be read is SETTINGS_INVALID, and with a file of them opens', async () => {
    const caFile = join(folder, 'ca.pem');
    const settings = vertexSettings.parse({ ...SETTINGS, caFile });
    expect(() => backend.open(settings)).toThrow('Cannot read the certificate authorities');
    await writeFile(caFile, '');
    await (await backend.open(settings)).close();
  });

  it('through a proxy sends every call by CONNECT to the endpoint that is named', async () => {
    const { proxy, targets, port } = await startProxy();
    const settings = settingsFor(opened.double, { proxy: `http://127.0.0.1:${port}` });
    const open = await backend.open(vertexSettings.parse(settings));
    expect(await open.ports.inventory!.list()).toEqual([]);
    expect(targets).toContain(opened.double.wire.address);
    await open.close();
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  });
});

/** Tunnels to loopback and writes down where to. */
async function startProxy(): Promise<{ proxy: Server; targets: string[]; port: number }> {
  const targets: string[] = [];
  const proxy = createServer((_, response) => response.writeHead(501).end());
  proxy.on('connect', ({ url = '' }, near) => {
    targets.push(url);
    const [host, port] = url.split(':');
    const far = connect(Number(port), host, () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n');
      far.pipe(near);
      near.pipe(far);
    });
    for (const socket of [near, far]) socket.on('error', () => socket.destroy());
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return { proxy, targets, port: (proxy.address() as AddressInfo).port };
}
