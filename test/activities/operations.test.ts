import { describe, expect, test } from '@jest/globals';
import type { Deps } from '../../activities/deps.ts';
import { createOperationActivities } from '../../activities/operations.ts';
import type { Backend, OpenBackend, PortName, Ports } from '../../core/backend.ts';
import { OrreryError } from '../../core/errors.ts';
import type { BackendOrder, OrderKind } from '../../core/operations/order.ts';
import { PORT_OF_ORDER } from '../../core/operations/order.ts';
import type { RemoteWork } from '../../core/ports/inventory.ts';

/** A backend whose every port notes its calls and answers what it was told to. */
function noting(answers: Partial<Record<string, unknown>> = {}, has?: readonly PortName[]) {
  const calls: unknown[] = [];
  const port = (name: PortName) =>
    new Proxy(
      {},
      {
        get: (_, method) => {
          // What is awaited is asked for it.
          if (method === 'then') return undefined;
          return async (...args: readonly unknown[]) => {
            calls.push([`${name}.${String(method)}`, ...args]);
            return answers[`${name}.${String(method)}`] ?? { phase: 'cancelled', reason: 'r' };
          };
        },
      },
    );
  const names = has ?? [...new Set(Object.values(PORT_OF_ORDER)), 'compute', 'pipeline', 'tuning'];
  const ports = Object.fromEntries(
    names.filter((name) => name !== null).map((name) => [name, port(name)]),
  ) as Partial<Ports>;
  return { calls, open: { ports, close: async () => undefined } as OpenBackend };
}

function activitiesOver(
  open: () => Promise<OpenBackend>,
  configured: readonly string[] = ['far'],
): (order: BackendOrder) => Promise<unknown> {
  const described = (name: string) =>
    ({
      name,
      summary: `the ${name}`,
      has: ['pools'],
      lacks: { tuning: 'none' },
    }) as Partial<Backend>;
  let at = 0;
  const deps = {
    backends: {
      names: () => ['far', 'other'],
      configured: () => configured,
      describe: async (name: string) => described(name) as Backend,
      open,
    },
    clock: { now: () => (at += 250), sleep: async () => undefined },
  } as unknown as Deps;
  const { carryOutOrder } = createOperationActivities(deps);
  return (order) => carryOutOrder({ order });
}

const backend = 'far';
const definition = { name: 'd', content: { kind: 'source', text: 'x' } } as const;
const spec = {
  key: 'k',
  pipeline: 'p',
  from: '2026-01-01T00:00:00Z',
  to: '2026-01-02T00:00:00Z',
  params: {},
  reprocess: 'none',
  parallelMax: 1,
} as const;
const resources = { cpus: 1, memoryMiB: 128 };
const handle = { key: 'k', remoteId: 'r' };

describe('carryOutOrder', () => {
  const reached: readonly (readonly [BackendOrder, readonly unknown[]])[] = [
    [{ kind: 'quotePrice', backend, resources }, ['prices.quote', resources]],
    [{ kind: 'planDefinition', backend, definition }, ['definitions.plan', definition]],
    [{ kind: 'putDefinition', backend, definition }, ['definitions.put', definition]],
    [{ kind: 'listDefinitions', backend }, ['definitions.list']],
    [{ kind: 'removeDefinition', backend, name: 'd' }, ['definitions.remove', 'd']],
    [{ kind: 'planBackfill', backend, spec }, ['backfill.plan', spec]],
    [{ kind: 'startBackfill', backend, spec }, ['backfill.start', spec]],
    [{ kind: 'readBackfill', backend, pipeline: 'p', key: 'k' }, ['backfill.read', 'p', 'k']],
    [{ kind: 'stopBackfill', backend, pipeline: 'p', key: 'k' }, ['backfill.stop', 'p', 'k']],
    [
      { kind: 'publishAsset', backend, asset: 'a', key: 'k', extra: { n: 1 } },
      ['assets.publish', { asset: 'a', key: 'k', extra: { n: 1 } }],
    ],
    [{ kind: 'assetEvents', backend, asset: 'a', countMax: 5 }, ['assets.events', 'a', 5]],
    [{ kind: 'materializeAsset', backend, asset: 'a', key: 'k' }, ['assets.materialize', 'a', 'k']],
    [{ kind: 'setPool', backend, name: 'p', slots: 3 }, ['pools.set', 'p', 3]],
    [{ kind: 'listPools', backend }, ['pools.list']],
    [{ kind: 'removePool', backend, name: 'p' }, ['pools.remove', 'p']],
  ];
  test.each(reached.map(([order, call]) => [order.kind, order, call] as const))(
    '%s reaches its port with what it says',
    async (_kind, order, call) => {
      const lists = ['definitions.list', 'backfill.plan', 'assets.events', 'pools.list'];
      const answers = Object.fromEntries(lists.map((name) => [name, []]));
      const { calls, open } = noting({ ...answers, 'definitions.plan': { diff: '' } });
      await activitiesOver(async () => open)(order);
      expect(calls).toEqual([call]);
    },
  );

  test.each(['compute', 'pipeline', 'tuning'] as const)(
    'stopWork of %s goes through its port and answers the state that was read',
    async (port) => {
      const reading = { phase: 'succeeded', reason: 'too late', billableSeconds: 7, runSeconds: 9 };
      const { calls, open } = noting({ [`${port}.stop`]: reading });
      const order = { kind: 'stopWork', backend, work: { port, ...handle } } as const;
      expect(await activitiesOver(async () => open)(order)).toEqual({
        phase: 'succeeded',
        reason: 'too late',
        seconds: port === 'pipeline' ? 9 : 7,
      });
      expect(calls).toHaveLength(1);
    },
  );

  test('list describes every backend and says which ones this worker has settings for', async () => {
    const answer = await activitiesOver(async () => noting().open)({ kind: 'list' });
    expect(answer).toMatchObject({
      items: [
        { name: 'far', configured: true, lacks: { tuning: 'none' } },
        { name: 'other', configured: false },
      ],
      left: 0,
    });
  });

  test('check times what the backend looks at, and says when it looks at nothing', async () => {
    const findings = [{ subject: 'endpoint', state: 'ok', told: 'here', action: '' }] as const;
    const checks = { ...noting().open, check: async () => findings };
    const order = { kind: 'check', backend } as const;
    expect(await activitiesOver(async () => checks)(order)).toEqual({ findings, seconds: 0.25 });
    expect(await activitiesOver(async () => noting().open)(order)).toMatchObject({
      findings: null,
    });
  });

  test('check tells settings that do not fit as a finding, and any other error as it is', async () => {
    const failing = (code: 'SETTINGS_INVALID' | 'TOOL_MISSING') =>
      activitiesOver(async () => Promise.reject(new OrreryError(code, 'no')))({
        kind: 'check',
        backend,
      });
    expect(await failing('SETTINGS_INVALID')).toMatchObject({
      findings: [{ subject: 'settings', state: 'missing', told: 'no' }],
    });
    await expect(failing('TOOL_MISSING')).rejects.toMatchObject({ code: 'TOOL_MISSING' });
  });

  test('inventory tells live work first, so that a cut list loses what has ended', async () => {
    const work = (
      key: string,
      phase: RemoteWork['phase'],
      startedAt: string | null,
    ): RemoteWork => ({
      port: 'compute',
      key,
      remoteId: 'x'.repeat(300),
      phase,
      labels: { model: 'm', version: 'v', workflowId: 'w' },
      startedAt,
      billableSeconds: 1,
      costUsd: null,
    });
    const ended = Array.from({ length: 600 }, (_, at) => work(`e${at}`, 'failed', '2026-11-24'));
    const list = [...ended, work('old', 'running', '2026-01-01'), work('new', 'pending', null)];
    const { open } = noting({ 'inventory.list': list });
    const { items, left } = (await activitiesOver(async () => open)({
      kind: 'inventory',
      backend,
    })) as { items: RemoteWork[]; left: number };
    expect(items.slice(0, 2).map(({ key }) => key)).toEqual(['old', 'new']);
    expect(left).toBeGreaterThan(0);
    expect(items.length + left).toBe(602);
  });

  test('every other kind of order has a port, and one that is missing is PORT_MISSING', async () => {
    const { open } = noting({}, []);
    for (const [kind, port] of Object.entries(PORT_OF_ORDER)) {
      if (port === null) continue;
      const order = { kind: kind as OrderKind, backend } as BackendOrder;
      await expect(activitiesOver(async () => open)(order)).rejects.toMatchObject({
        code: 'PORT_MISSING',
      });
    }
  });
});
