import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { connectKubernetes } from '../../../backends/connections/kubernetes/client.ts';
import { errorOfCall, errorOfReply } from '../../../backends/connections/kubernetes/errors.ts';
import { kubernetesSettings } from '../../../backends/connections/kubernetes/settings.ts';
import { backend } from '../../../backends/kubeflow/index.ts';
import { OrreryError } from '../../../core/errors.ts';

const POST = 'POST /apis/x/v1/namespaces/n/things';
const said = (message: string, reason = '') => JSON.stringify({ kind: 'Status', message, reason });

describe('errorOfReply', () => {
  test.each([
    [401, said('Unauthorized', 'Unauthorized'), 'CREDENTIALS_INVALID'],
    [403, said('User "x" cannot create resource "trainjobs"', 'Forbidden'), 'ACCESS_DENIED'],
    [403, said('things "a" is forbidden: exceeded quota: q', 'Forbidden'), 'QUOTA_EXCEEDED'],
    [403, said('admission webhook "w" denied the request: no', 'Forbidden'), 'SPEC_REJECTED'],
    [403, said('namespace n is being terminated', 'Forbidden'), 'SETTINGS_INVALID'],
    [404, said('namespaces "n" not found', 'NotFound'), 'SETTINGS_INVALID'],
    [
      404,
      said('the server could not find the requested resource', 'NotFound'),
      'VERSION_UNSUPPORTED',
    ],
    [404, said('things "a" not found', 'NotFound'), 'NOT_FOUND'],
    [404, '<html>nothing here</html>', 'REPLY_MALFORMED'],
    [409, said('the object has been modified', 'Conflict'), 'BACKEND_UNAVAILABLE'],
    [410, said('too old resource version', 'Expired'), 'BACKEND_UNAVAILABLE'],
    [422, said('spec.x: Invalid value', 'Invalid'), 'SPEC_REJECTED'],
    [400, said('unknown field "spec.y"', 'BadRequest'), 'SPEC_REJECTED'],
    [429, said('slow down', 'TooManyRequests'), 'BACKEND_UNAVAILABLE'],
    [500, said('failed calling webhook', 'InternalError'), 'BACKEND_UNAVAILABLE'],
    [502, '<html>Bad gateway</html>', 'BACKEND_UNAVAILABLE'],
    [503, said('not synced', 'ServiceUnavailable'), 'BACKEND_UNAVAILABLE'],
    [302, '<html>log in</html>', 'REPLY_MALFORMED'],
  ])('of %d %s is %s and keeps the words', (status, body, code) => {
    const error = errorOfReply(POST, status, body);
    expect(error.code).toBe(code);
    const words = body.startsWith('{') ? (JSON.parse(body) as { message: string }).message : 'html';
    expect(error.message).toContain(words);
    expect(error.details).toMatchObject({ status });
  });
});

describe('errorOfCall', () => {
  test('tells the cause below a failed fetch', () => {
    const cause = new Error('fetch failed', {
      cause: Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' }),
    });
    const error = errorOfCall(POST, 'https://server', cause);
    expect(error.code).toBe('BACKEND_UNAVAILABLE');
    expect(error.message).toContain('connect refused (ECONNREFUSED)');
  });

  test('of a certificate that nobody vouches for is SETTINGS_INVALID', () => {
    const cause = new Error('fetch failed', { cause: new Error('self-signed certificate') });
    expect(errorOfCall(POST, 'https://server', cause).code).toBe('SETTINGS_INVALID');
  });
});

describe('Settings of kubeflow', () => {
  const cluster = { namespace: 'training' };
  const runtimes = { train: { name: 'orrery' } };

  test.each([
    [{ cluster: { namespace: 'Not A Label' } }, 'cluster.namespace'],
    [{ cluster: { ...cluster, kubeconfig: 'relative' } }, 'cluster.kubeconfig'],
    [{ cluster: { ...cluster, proxyUrl: 'http://user:secret@proxy' } }, 'cluster.proxyUrl'],
    [{ cluster, token: 'secret' }, 'token'],
    [{ cluster, trainer: { runtimes, outputUri: 's3://models/' } }, 'trainer.outputUri'],
  ])('%j are refused with the name of the member', (settings, member) => {
    const parse = () => backend.settings.parse(settings);
    expect(parse).toThrow(OrreryError);
    expect(parse).toThrow(member);
    expect(parse).not.toThrow('secret@');
  });

  test('that name a system on Kubernetes without a cluster are refused when opened', async () => {
    const settings = backend.settings.parse({ trainer: { runtimes, outputUri: 's3://models/x' } });
    await expect(backend.open(settings)).rejects.toMatchObject({ code: 'SETTINGS_INVALID' });
  });

  test('open only what they name', async () => {
    const prices = { usdPerCpuHour: 1, usdPerGibHour: 0, asOf: '2026-11-24', source: 'x' };
    const opened = await backend.open(backend.settings.parse({ prices }));
    expect(Object.keys(opened.ports).sort()).toEqual(['inventory', 'prices']);
    expect(await opened.ports.inventory?.list()).toEqual([]);
    await opened.close();
  });
});

describe('connectKubernetes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'orrery-kubeconfig-'));
  const path = join(folder, 'config');
  const connect = (more: object = {}) =>
    connectKubernetes(kubernetesSettings.parse({ kubeconfig: path, namespace: 'n', ...more }));

  test('refuses a kubeconfig that is not there, and a context that it does not have', () => {
    expect(() => connect()).toThrow(/Cannot read the kubeconfig/);
    writeFileSync(
      path,
      JSON.stringify({
        clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1' } }],
        users: [{ name: 'u', user: {} }],
        contexts: [{ name: 'prod', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'prod',
      }),
    );
    expect(connect().server).toBe('https://10.0.0.1');
    expect(() => connect({ context: 'test' })).toThrow('"test": the kubeconfig has [prod]');
    rmSync(folder, { recursive: true });
  });
});
