import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { FaultProxy, ProxyFault } from '../support/fault-proxy.ts';
import { scriptedFaults, seededFaults } from '../support/fault-script.ts';
import { until } from '../support/until.ts';

let upstream: Server;
let proxy: FaultProxy;
const seen: string[] = [];

beforeAll(async () => {
  upstream = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen.push(`${request.method} ${request.url} ${Buffer.concat(chunks).toString()}`);
      response.writeHead(201, { 'x-far': 'side' }).end('{"ok":true}');
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  proxy = await startFaultProxy({ upstream: `http://127.0.0.1:${port}/api` });
});
afterAll(async () => {
  await proxy.close();
  upstream.closeAllConnections();
  await new Promise((resolve) => upstream.close(resolve));
});

const call = (path: string, signal: AbortSignal | null = null) =>
  fetch(`${proxy.url}${path}`, { method: 'POST', body: 'hello', signal });
const first = (fault: ProxyFault) => scriptedFaults([{ on: /^POST /, fault }]);

describe('startFaultProxy', () => {
  test('passes a call on with its body and gives the reply back', async () => {
    proxy.decide(() => null);
    const reply = await call('/plain?x=1');
    expect(reply.status).toBe(201);
    expect(reply.headers.get('x-far')).toBe('side');
    expect(await reply.json()).toEqual({ ok: true });
    expect(seen.at(-1)).toBe('POST /api/plain?x=1 hello');
    expect(proxy.outcomes.at(-1)).toMatchObject({ fault: null, upstreamStatus: 201 });
  });

  test('cuts a call before the far side has seen it', async () => {
    proxy.decide(first({ kind: 'reset-before' }));
    const before = seen.length;
    await expect(call('/before')).rejects.toThrow(/fetch failed|aborted/);
    expect(seen.length).toBe(before);
    expect((await call('/before')).status).toBe(201);
  });

  test('cuts a call after the far side has answered it', async () => {
    proxy.decide(first({ kind: 'reset-after' }));
    await expect(call('/after')).rejects.toThrow(/fetch failed|aborted/);
    expect(seen.at(-1)).toBe('POST /api/after hello');
    expect(proxy.outcomes.at(-1)?.upstreamStatus).toBe(201);
  });

  test.each([
    [{ kind: 'status', status: 429, headers: { 'retry-after': '1' } } as const, 429, 'json'],
    [{ kind: 'html' } as const, 502, 'html'],
    [{ kind: 'garbled' } as const, 201, 'html'],
  ])('answers %j in place of the far side', async (fault, status, type) => {
    proxy.decide(first(fault));
    const reply = await call('/instead');
    expect(reply.status).toBe(status);
    expect(reply.headers.get('content-type')).toContain(type);
    expect(seen.at(-1) === 'POST /api/instead hello').toBe(fault.kind === 'garbled');
  });

  test('answers late what the far side did at once', async () => {
    proxy.decide(first({ kind: 'slow', ms: 60_000 }));
    const leaving = new AbortController();
    const waiting = call('/slow', leaving.signal);
    await until('the far side has done it', () =>
      Promise.resolve(seen.includes('POST /api/slow hello') ? true : null),
    );
    leaving.abort();
    await expect(waiting).rejects.toThrow(/fetch failed|aborted/);
  });

  test('holds a call until its caller is gone', async () => {
    proxy.decide(first({ kind: 'hold-after' }));
    const leaving = new AbortController();
    const waiting = call('/held', leaving.signal);
    await proxy.held(1);
    expect(seen.at(-1)).toBe('POST /api/held hello');
    leaving.abort();
    await expect(waiting).rejects.toThrow(/fetch failed|aborted/);
  });
});

describe('scriptedFaults', () => {
  test('strikes the calls that fit, from the nth on and so often', () => {
    const decide = scriptedFaults([
      { on: /^POST \/jobs/, nth: 2, times: 2, fault: { kind: 'html' } },
    ]);
    const ask = (path: string) =>
      decide({ nth: 0, method: 'POST', path, headers: {}, body: Buffer.from('') })?.kind ?? 'none';
    expect(['/jobs', '/other', '/jobs', '/jobs', '/jobs'].map(ask)).toEqual([
      'none',
      'none',
      'html',
      'html',
      'none',
    ]);
  });
});

describe('seededFaults', () => {
  test('strikes the same calls for the same seed', () => {
    const run = (seed: number) => {
      const faults = [{ kind: 'html' }, { kind: 'reset-before' }] as const;
      const decide = seededFaults({ seed, probability: 0.5, faults });
      const asked = { nth: 0, method: 'GET', path: '/', headers: {}, body: Buffer.from('') };
      return Array.from({ length: 50 }, () => decide(asked)?.kind ?? 'none');
    };
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
    expect(new Set(run(7)).size).toBe(3);
  });
});
