import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { backendFor, PORT_NAMES } from '../../core/backend.ts';
import { charge, isSpent, newCost } from '../../core/cost/charge.ts';
import { VIOLATIONS_TOLD_MAX, violationsText } from '../../core/data/contract.ts';
import type { Violation } from '../../core/data/contract.ts';
import { checkOrder, isIncident, isRolloutOrder } from '../../core/lifecycle/orders.ts';
import { STAGES } from '../../core/lifecycle/state.ts';
import {
  QUERIES,
  SEARCH_ATTRIBUTES,
  SIGNALS,
  TASK_QUEUES,
  UPDATES,
  WORKFLOW_TYPES,
} from '../../core/messages.ts';
import { scorePath } from '../../core/serving/score-path.ts';

describe('cost', () => {
  const price = { usdPerHour: 3.6, source: 'list', asOf: '2026-11-24' };

  it('charges by the second and keeps a line of each use', () => {
    const cost = charge(newCost(10), 'train', 1800, price);
    expect(cost.usd).toBeCloseTo(1.8, 12);
    expect(cost.lines).toEqual([
      { step: 'train', billableSeconds: 1800, usdPerHour: 3.6, usd: cost.usd },
    ]);
  });

  it('is spent at the cap, not before it, and never without one', () => {
    const spend = (usdMax: number | null, seconds: number): boolean =>
      isSpent(charge(newCost(usdMax), 'train', seconds, price));
    expect(spend(1, 1000)).toBe(true);
    expect(spend(1, 999)).toBe(false);
    expect(spend(null, 1e9)).toBe(false);
    expect(isSpent(newCost(0))).toBe(true);
  });

  it('is the sum of its lines, whatever was used', () => {
    const use = fc.tuple(fc.nat(100_000), fc.double({ min: 0, max: 100, noNaN: true }));
    fc.assert(
      fc.property(fc.array(use, { maxLength: 30 }), (uses) => {
        const cost = uses.reduce(
          (sum, [seconds, usdPerHour], step) =>
            charge(sum, `step ${step}`, seconds, { ...price, usdPerHour }),
          newCost(null),
        );
        const lines = cost.lines.reduce((sum, { usd }) => sum + usd, 0);
        expect(cost.usd).toBe(lines);
        expect(cost.lines).toHaveLength(uses.length);
      }),
    );
  });
});

describe('violationsText', () => {
  const violation = (index: number): Violation => ({
    kind: 'type',
    column: 'a',
    count: 1,
    message: `m${index}`,
  });
  const text = (count: number): string =>
    violationsText(Array.from({ length: count }, (_, index) => violation(index)));

  it('tells VIOLATIONS_TOLD_MAX violations and counts the rest', () => {
    expect(text(0)).toBe('');
    expect(text(2)).toBe('m0; m1');
    expect(text(VIOLATIONS_TOLD_MAX)).not.toContain('more');
    expect(text(VIOLATIONS_TOLD_MAX + 1)).toMatch(/; m19; and 1 more$/);
    expect(text(1000).split('; ')).toHaveLength(VIOLATIONS_TOLD_MAX + 1);
  });
});

describe('checkOrder', () => {
  const order = { by: 'ada', reason: 'lunch' };
  const context = (paused: boolean, rollingOut: boolean) => ({
    name: 'fraud v7',
    paused,
    rollingOut,
  });

  it.each([
    ['pause', false, false, null],
    ['pause', true, false, 'it is paused already'],
    ['resume', true, false, null],
    ['resume', false, true, null],
    ['resume', false, false, 'it is not paused'],
    ['rollback', false, true, null],
    ['rollback', true, true, null],
    ['rollback', false, false, 'no rollout runs'],
  ] as const)('on %s with paused %s and a rollout %s says %s', (kind, paused, rolling, why) => {
    const problem = checkOrder(kind, order, context(paused, rolling));
    expect(problem).toEqual(
      why === null ? null : { code: 'ORDER_REFUSED', message: `Cannot ${kind} fraud v7: ${why}` },
    );
  });

  it.each([null, 'text', undefined, {}, { by: 'ada' }, { by: 1, reason: 'r' }])(
    'refuses %j, which is no order',
    (value) => {
      expect(checkOrder('pause', value, context(false, false))?.code).toBe('REQUEST_INVALID');
    },
  );
});

describe('names of the public contract', () => {
  it.each([
    ['queues', TASK_QUEUES],
    ['updates', UPDATES],
    ['signals', SIGNALS],
    ['queries', QUERIES],
  ])('of %s are their keys', (_, names) => {
    expect(Object.keys(names)).toEqual(Object.values(names));
  });

  it('name each workflow, port, stage and search attribute once', () => {
    for (const names of [WORKFLOW_TYPES, PORT_NAMES, STAGES, Object.keys(SEARCH_ATTRIBUTES)]) {
      expect(new Set(names).size).toBe(names.length);
    }
    expect(Object.keys(SEARCH_ATTRIBUTES).every((name) => name.startsWith('Orrery'))).toBe(true);
  });
});

it('backendFor takes the backend of the port, else the default, and nothing else', () => {
  const choice = { default: 'local', traffic: 'sim' };
  expect(PORT_NAMES.filter((port) => backendFor(choice, port) === 'sim')).toEqual(['traffic']);
  expect(backendFor(choice, 'compute')).toBe('local');
});

it('scorePath turns the one dot of a route into a slash', () => {
  expect(scorePath('fraud.eu')).toBe('/v1/fraud/eu/score');
});

describe('what a Signal carries', () => {
  it('is an incident with a region or null and a description, and nothing else', () => {
    expect(isIncident({ region: null, description: 'x' })).toBe(true);
    expect(isIncident({ region: 'eu', description: 'x' })).toBe(true);
    for (const value of [
      undefined,
      null,
      'x',
      {},
      { region: 'eu' },
      { region: 1, description: 'x' },
    ]) {
      expect(isIncident(value)).toBe(false);
    }
  });

  it('is an order for a rollout with a kind, a person and a reason, and nothing else', () => {
    for (const order of ['pause', 'resume', 'rollback']) {
      expect(isRolloutOrder({ order, by: 'ada', reason: '' })).toBe(true);
    }
    for (const value of [
      undefined,
      null,
      {},
      { order: 'pause' },
      { order: 'explode', by: 'a', reason: '' },
    ]) {
      expect(isRolloutOrder(value)).toBe(false);
    }
  });
});
