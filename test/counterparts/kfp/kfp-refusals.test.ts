import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { KfpDefinitions } from '../../../backends/kubeflow/definitions.ts';
import { checkKfp } from '../../../backends/kubeflow/kfp/check.ts';
import { KfpPipeline } from '../../../backends/kubeflow/pipeline.ts';
import { expectCode } from '../../support/contract/harness.ts';
import type { ProxyFault } from '../../support/fault-proxy.ts';
import { intentOf, useFaultyKfp } from './faulty.ts';
import { openKfp, SAMPLE } from './open.ts';
import { serveKfp, type KfpServer } from './server/serve.ts';

jest.setTimeout(60_000);
const kfp = useFaultyKfp();

describe('bad input', () => {
  it('start under a name that a stranger has is NAME_TAKEN', async () => {
    const intent = intentOf('succeeds');
    const pipeline = [...kfp.server.world.pipelines.values()].find(({ name }) => name === SAMPLE)!;
    const stranger = { name: intent.key, description: 'mine', recurringRunId: '' };
    const where = { experimentId: '', pipelineId: pipeline.id, versionId: '' };
    await kfp.server.world.createRun({ ...stranger, ...where, parameters: { course: 'succeeds' } });
    await expectCode((await kfp.worker()).start(intent), 'NAME_TAKEN');
  });

  it('keeps the far side’s message when it rejects parameters', async () => {
    const intent = intentOf('succeeds');
    const params = { ...intent.spec.params, colour: 'blue' };
    const start = (await kfp.worker()).start({ ...intent, spec: { ...intent.spec, params } });
    await expect(start).rejects.toMatchObject({
      code: 'SPEC_REJECTED',
      message: expect.stringContaining('parameter colour provided is not required'),
    });
  });

  it('keeps the far side’s message when it rejects a pipeline, and leaves no empty pipeline', async () => {
    const definitions = new KfpDefinitions(await kfp.open());
    const content = { kind: 'source', text: 'spec: {}' } as const;
    await expect(definitions.put({ name: 'broken', content })).rejects.toMatchObject({
      code: 'SPEC_REJECTED',
      message: expect.stringContaining('pipelineInfo.name is missing'),
    });
    expect([...kfp.server.world.pipelines.values()].map(({ name }) => name)).not.toContain(
      'broken',
    );
  });

  it('a quota of the namespace is QUOTA_EXCEEDED', async () => {
    await expectCode((await kfp.worker()).start(intentOf('over-quota')), 'QUOTA_EXCEEDED');
  });

  it.each(['..', '.', '', '../../healthz', 'a b?c#d%', 'x:terminate', '🌵'])(
    'a run id like %j reads as lost and stops nothing',
    async (remoteId) => {
      const pipeline = await kfp.worker();
      const handle = { key: 'j0', remoteId };
      expect((await pipeline.read(handle)).phase).toBe('lost');
      expect((await pipeline.stop(handle)).phase).toBe('lost');
    },
  );

  it('a page of HTML with 404 does not make a run lost', async () => {
    const pipeline = await kfp.worker();
    const { handle } = await pipeline.start(intentOf('runs-long'));
    const page = { kind: 'status', status: 404, body: '<h1>no</h1>', contentType: 'text/html' };
    kfp.faultOnce(/^GET .*\/runs\//, page as ProxyFault);
    await expectCode(pipeline.read(handle), 'REPLY_MALFORMED');
    expect((await pipeline.read(handle)).phase).not.toBe('lost');
  });

  it('a redirect to a login page is CREDENTIALS_INVALID', async () => {
    kfp.faultOnce(/^GET /, { kind: 'status', status: 302, headers: { location: '/dex/auth' } });
    await expectCode(
      (await kfp.worker()).read({ key: 'j0', remoteId: 'x' }),
      'CREDENTIALS_INVALID',
    );
  });

  it('a far side that is not there is BACKEND_UNAVAILABLE', async () => {
    const api = await openKfp('http://127.0.0.1:9');
    await expectCode(
      new KfpPipeline(api).read({ key: 'j0', remoteId: 'x' }),
      'BACKEND_UNAVAILABLE',
    );
    expect(await checkKfp(api)).toMatchObject([{ state: 'unknown' }, { state: 'unknown' }]);
    await api.close();
  });
});

describe('credentials', () => {
  let folder: string;
  let guarded: KfpServer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'orrery-kfp-'));
    guarded = await serveKfp({ contract: null, token: () => 'renewed' });
  });
  afterAll(async () => {
    await guarded.close();
    await rm(folder, { recursive: true });
  });

  it('that have expired are CREDENTIALS_INVALID until the file has new ones', async () => {
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, 'expired\n');
    const api = await openKfp(guarded.url, { tokenFile });
    const handle = { key: 'j0', remoteId: 'x' };
    const pipeline = new KfpPipeline(api);
    await expectCode(pipeline.read(handle), 'CREDENTIALS_INVALID');
    expect(await checkKfp(api)).toContainEqual(
      expect.objectContaining({ subject: 'kfp credentials', state: 'missing' }),
    );
    await writeFile(tokenFile, 'renewed\n');
    expect((await pipeline.read(handle)).phase).toBe('lost');
    expect(await checkKfp(api)).toMatchObject([{ state: 'ok' }, { state: 'ok' }]);
    await writeFile(tokenFile, 'readonly');
    await expectCode(pipeline.read(handle), 'ACCESS_DENIED');
    await api.close();
  });

  it('that are not there are CREDENTIALS_INVALID, and the message has no token', async () => {
    const api = await openKfp(guarded.url, { tokenFile: join(folder, 'none') });
    await expectCode(
      new KfpPipeline(api).read({ key: 'j0', remoteId: 'x' }),
      'CREDENTIALS_INVALID',
    );
    await api.close();
  });
});
