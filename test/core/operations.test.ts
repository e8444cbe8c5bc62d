import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PORT_NAMES } from '../../core/backend.ts';
import { cutText, listed, LISTED_CHARACTERS_MAX } from '../../core/operations/listed.ts';
import { isSlowOrder, PORT_OF_ORDER, targetOf } from '../../core/operations/order.ts';
import type { OrderKind } from '../../core/operations/order.ts';
import { isOrphan } from '../../core/operations/ownership.ts';
import { plannedSteps, pricedStep } from '../../core/operations/price-plan.ts';
import type { JobPhase } from '../../core/ports/compute.ts';
import { parseLifecycleRequest } from '../../schemas/lifecycle.ts';
import { parseOperateRequest } from '../../schemas/operations.ts';
import { parsePipelineRequest } from '../../schemas/pipeline.ts';
import { parseTuneRequest } from '../../schemas/tuning.ts';
import { requestJson } from '../service/requests.ts';

describe('listed', () => {
  test('keeps what fits from the front and tells how many are left', () => {
    expect(listed(['aa', 'bb', 'cc'], 10)).toEqual({ items: ['aa', 'bb'], left: 1 });
    expect(listed([], 10)).toEqual({ items: [], left: 0 });
    expect(listed(['a'.repeat(20)], 10)).toEqual({ items: [], left: 1 });
  });

  test('never exceeds its limit, loses nothing and keeps the order', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 40 })), fc.nat(400), (items, max) => {
        const { items: kept, left } = listed(items, max);
        expect(kept).toEqual(items.slice(0, kept.length));
        expect(kept.length + left).toBe(items.length);
        expect(kept.map((item) => JSON.stringify(item)).join(',').length).toBeLessThanOrEqual(max);
      }),
    );
  });

  test('leaves room in a payload of 256 KiB, also for text of four bytes a character', () => {
    const { items, left } = listed(Array.from({ length: 5000 }, () => 'x'.repeat(100)));
    expect(left).toBeGreaterThan(0);
    expect(JSON.stringify(items).length).toBeLessThanOrEqual(LISTED_CHARACTERS_MAX);
  });

  test('cutText says how much it cut', () => {
    expect(cutText('abcdef', 4)).toBe('abcd\n… and 2 characters more');
    expect(cutText('abcd', 4)).toBe('abcd');
  });
});

describe('An order', () => {
  test('goes through a port, except those to the worker or the backend as a whole', () => {
    const ports: readonly unknown[] = [...PORT_NAMES, null];
    expect(Object.values(PORT_OF_ORDER).every((port) => ports.includes(port))).toBe(true);
    expect(targetOf({ kind: 'list' })).toBeNull();
    const handle = { port: 'tuning', key: 'k', remoteId: 'r' } as const;
    expect(targetOf({ kind: 'stopWork', backend: 'b', work: handle })).toEqual({
      backend: 'b',
      port: 'tuning',
    });
    expect(targetOf({ kind: 'listPools', backend: 'b' })?.port).toBe('pools');
  });

  test('that stops something may take minutes, one that lists is quick', () => {
    expect((['stopWork', 'putDefinition', 'stopBackfill'] as const).every(isSlowOrder)).toBe(true);
    expect((['list', 'quotePrice', 'listPools'] as const).some(isSlowOrder)).toBe(false);
  });

  const base = { schemaVersion: 1, order: { kind: 'setPool', backend: 'b', name: 'p', slots: 1 } };
  test.each<[string, object]>([
    ['an unknown kind', { kind: 'dropDatabase' }],
    ['a member too many', { kind: 'list', backend: 'b' }],
    ['slots below zero', { ...base.order, slots: -1 }],
    ['work of no port', { kind: 'stopWork', backend: 'b', work: { port: 'x', key: 'k' } }],
    ['a time without a zone', { kind: 'planBackfill', backend: 'b', spec: { from: '2026-01-01' } }],
  ])('with %s is refused with REQUEST_INVALID', (_, order) => {
    expect(() => parseOperateRequest({ schemaVersion: 1, order })).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID' }),
    );
    expect(parseOperateRequest(base)).toEqual(base);
  });

  test.each(Object.keys(PORT_OF_ORDER) as OrderKind[])('%s is known to the schema', (kind) => {
    // A member that is missing is told by name; a kind that is missing by its discriminator.
    try {
      parseOperateRequest({ schemaVersion: 1, order: { kind } });
    } catch (error) {
      expect((error as Error).message).not.toContain('order.kind');
    }
  });
});

test.each<[JobPhase, 'running' | 'ended' | 'unknown', boolean]>([
  ['running', 'running', false],
  ['running', 'ended', true],
  ['running', 'unknown', true],
  ['pending', 'ended', true],
  ['succeeded', 'ended', false],
  ['cancelled', 'unknown', false],
  ['lost', 'ended', false],
])('Work that is %s with an owner that is %s is an orphan: %s', (phase, owner, orphan) => {
  expect(isOrphan({ phase }, owner)).toBe(orphan);
});

describe('The price of a request', () => {
  const price = (usdPerHour: number) => ({ usdPerHour, source: 'book', asOf: '2026-11-24' });
  const lifecycle = (changes = {}) => ({
    workflow: 'runLifecycle' as const,
    request: parseLifecycleRequest(requestJson(changes)),
  });

  test('counts every attempt at its limit, on every backend of the list', () => {
    const backends = { default: 'local', steps: { train: ['a', 'b'] } };
    const [prepare, train, score] = plannedSteps(lifecycle({ backends }));
    expect(prepare).toMatchObject({ backends: ['local'], machineSecondsMax: 3 * 90 });
    expect(train).toMatchObject({ backends: ['a', 'b'], pricesFrom: 'local' });
    // The candidate and the champion.
    expect(score).toMatchObject({ machineSecondsMax: 2 * 3 * 3630 });
    expect(pricedStep(train!, [price(40), price(80)]).usdMax).toBeCloseTo((120 * 270) / 3600);
  });

  test('is not known while one backend tells none, or where the far side chooses the machine', () => {
    const [step] = plannedSteps(lifecycle());
    expect(pricedStep(step!, [null]).usdMax).toBeNull();
    const request = parsePipelineRequest({
      schemaVersion: 1,
      model: 'm',
      version: 'v',
      name: 'n',
      backends: { default: 'a', pipeline: 'b' },
      pipeline: { pipeline: 'dag', timeoutSeconds: 10 },
    });
    const [run] = plannedSteps({ workflow: 'runPipeline', request });
    expect(run).toMatchObject({ step: 'pipeline dag', backends: ['b'], resources: null });
    expect(pricedStep(run!, [null]).usdMax).toBeNull();
  });

  test('of a search is bounded by its own limit of time and by what runs at once', () => {
    const search = (timeoutSeconds: number) =>
      parseTuneRequest({
        schemaVersion: 1,
        model: 'm',
        version: 'v',
        name: 'n',
        backends: { default: 'a' },
        engine: 'orrery',
        search: {
          trial: {
            kind: 'train',
            command: ['x'],
            params: {},
            inputs: {},
            outputs: ['metrics.json'],
            resources: { cpus: 1, memoryMiB: 128 },
            timeoutSeconds: 100,
            graceSeconds: 20,
          },
          space: [{ name: 'rate', type: 'double', min: 0.1, max: 1 }],
          objective: { metric: 'loss', goal: 'minimize' },
          algorithm: 'random',
          trialsMax: 10,
          parallelMax: 2,
          timeoutSeconds,
        },
      });
    const usd = (timeoutSeconds: number) => {
      const [step] = plannedSteps({ workflow: 'tuneModel', request: search(timeoutSeconds) });
      return pricedStep(step!, [price(3600)]).usdMax;
    };
    expect(usd(100_000)).toBe(10 * 3 * 120);
    expect(usd(100)).toBe(2 * 120);
  });
});
