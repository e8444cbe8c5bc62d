import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { serve } from '../../service/main.ts';

/** Nothing listens there, and serving does not need the Temporal server. */
const env = { TEMPORAL_ADDRESS: '127.0.0.1:1', ORRERY_API_PORT: '0' };

describe('serve', () => {
  it('answers on a free port without a Temporal server, and ends', async () => {
    const { address, end } = await serve(env);
    expect((await fetch(`${address}/healthz`)).status).toBe(200);
    await end();
    await expect(fetch(`${address}/healthz`)).rejects.toThrow('fetch failed');
  });

  it('says PORT_IN_USE when another process listens', async () => {
    const first = await serve(env);
    const { port } = new URL(first.address);
    await expect(serve({ ...env, ORRERY_API_PORT: port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
    });
    await first.end();
  });

  it('refuses to serve others without tokens', async () => {
    await expect(serve({ ...env, ORRERY_API_HOST: '0.0.0.0' })).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
    });
  });
});

it('the script of the console page compiles', async () => {
  const path = join(import.meta.dirname, '..', '..', 'service', 'http', 'console.html');
  const [, script = ''] = /<script>([\s\S]*)<\/script>/.exec(await readFile(path, 'utf8')) ?? [];
  expect(script).toContain('refresh');
  expect(() => new Script(script)).not.toThrow();
});
