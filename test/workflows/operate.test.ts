import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TASK_QUEUES } from '../../core/messages.ts';
import type { BackendOrder } from '../../core/operations/order.ts';
import { giveOrder } from '../../service/operations/give-order.ts';
import { contractIntent } from '../support/contract/harness.ts';
import { createScene, failureOf } from '../support/life.ts';
import { startWorkflowEngine } from '../support/workflow-engine.ts';
import type { WorkflowEngine } from '../support/workflow-engine.ts';

let engine: WorkflowEngine;
beforeAll(async () => {
  engine = await startWorkflowEngine('dev');
}, 60_000);
afterAll(() => engine.close());

const job = { command: ['train'], version: 'v1', outputs: ['model.onnx'] };
const fault = (nth: number) =>
  ({ call: 'inventory.list', nth, moment: 'before', throws: 'BACKEND_UNAVAILABLE' }) as const;

describe('operateBackend', () => {
  test('answers what the worker knows of its backends', async () => {
    const { model } = createScene(engine);
    engine.worlds.addLacking('batch-only', 'serving', 'it only runs jobs');
    const { items } = await giveOrder(engine.client, { kind: 'list' });
    expect(items.find(({ name }) => name === model)).toMatchObject({ configured: true });
    expect(items.find(({ name }) => name === 'batch-only')).toMatchObject({
      configured: false,
      lacks: { serving: 'it only runs jobs' },
    });
  });

  test('quotes a price and checks a backend', async () => {
    const { model: backend } = createScene(engine);
    const resources = { cpus: 2, memoryMiB: 4096 };
    const quote = await giveOrder(engine.client, { kind: 'quotePrice', backend, resources });
    expect(quote.usdPerHour).toBeGreaterThan(0);
    const { seconds } = await giveOrder(engine.client, { kind: 'check', backend });
    expect(seconds).toBeGreaterThanOrEqual(0);
  });

  test('finds work by its labels, stops it, and answers the state that was read', async () => {
    const { model: backend, world } = createScene(engine, {
      jobs: [{ kind: 'train', ending: { does: 'stall', atPercent: 50 } }],
    });
    const { handle } = await world.ports.compute.start(contractIntent(job, backend));
    const order = { kind: 'inventory', backend } as const;
    const before = await giveOrder(engine.client, order);
    expect(before.items).toMatchObject([{ ...handle, port: 'compute', phase: 'running' }]);
    const work = { port: 'compute', ...handle } as const;
    const stopped = await giveOrder(engine.client, { kind: 'stopWork', backend, work });
    expect(stopped).toMatchObject({ phase: 'cancelled' });
    expect(world.journal.of('job.ended')).toMatchObject([{ key: handle.key, phase: 'cancelled' }]);
    const again = await giveOrder(engine.client, { kind: 'stopWork', backend, work });
    expect(again.phase).toBe('cancelled');
  });

  test('is refused before anything is asked of a far side', async () => {
    const { model: backend } = createScene(engine);
    const failure = async (order: object) =>
      failureOf(
        engine.client.workflow.execute('operateBackend', {
          workflowId: `operate/refused/${JSON.stringify(order)}`,
          taskQueue: TASK_QUEUES.orchestrate,
          args: [{ schemaVersion: 1, order }],
        }),
      );
    const { code, message } = await failure({ kind: 'listPools', backend });
    expect(code).toBe('PORT_MISSING');
    expect(message).toContain('its capacity has no end');
    const strange: BackendOrder = { kind: 'inventory', backend: 'mainframe' };
    expect(await failure(strange)).toMatchObject({ code: 'BACKEND_UNKNOWN' });
    expect(await failure({ kind: 'explode' })).toMatchObject({ code: 'REQUEST_INVALID' });
  });

  test('tries again when a far side does not answer, and tells it after three times', async () => {
    const once = createScene(engine, { faults: [fault(1)] });
    const order = (backend: string) => ({ kind: 'inventory', backend }) as const;
    expect((await giveOrder(engine.client, order(once.model))).items).toEqual([]);
    const down = createScene(engine, { faults: [1, 2, 3].map(fault) });
    await expect(giveOrder(engine.client, order(down.model))).rejects.toMatchObject({
      code: 'BACKEND_UNAVAILABLE',
    });
    expect(down.world.journal.of('fault.fired')).toHaveLength(3);
  });
});
