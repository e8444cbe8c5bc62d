import type { Client } from '@temporalio/client';
import { lifecycleId } from '../../core/ids.ts';
import type { LifecycleId } from '../../core/ids.ts';
import { SIGNALS, UPDATES } from '../../core/messages.ts';
import type { Incident, Order, OrderAnswer } from '../../core/messages.ts';
import { askEngine, ORDER_MS_MAX } from '../engine-errors.ts';

export const ORDER_KINDS = ['pause', 'resume', 'rollback'] as const;
export type OrderKind = (typeof ORDER_KINDS)[number];

/**
 * Sends an order as an Update: the run checks it and answers.
 *
 * @throws OrreryError ORDER_REFUSED, NOT_FOUND, ENGINE_UNREACHABLE when no worker answers
 */
export async function orderLifecycle(
  client: Client,
  id: LifecycleId,
  kind: OrderKind,
  order: Order,
): Promise<OrderAnswer> {
  const workflowId = lifecycleId(id);
  return askEngine(
    client,
    `${kind === 'rollback' ? 'roll back' : kind} ${workflowId}`,
    () =>
      client.workflow
        .getHandle(workflowId)
        .executeUpdate<OrderAnswer, [Order]>(UPDATES[kind], { args: [order] }),
    ORDER_MS_MAX,
  );
}

/**
 * Reports an incident as a Signal; a rollout that runs is taken back.
 *
 * @throws OrreryError NOT_FOUND, ORDER_REFUSED when the run has ended, ENGINE_UNREACHABLE
 */
export async function reportIncident(
  client: Client,
  id: LifecycleId,
  incident: Incident,
): Promise<{ readonly reported: true }> {
  const workflowId = lifecycleId(id);
  await askEngine(client, `report an incident to ${workflowId}`, () =>
    client.workflow.getHandle(workflowId).signal<[Incident]>(SIGNALS.reportIncident, incident),
  );
  return { reported: true };
}

/**
 * Requests the cancellation of a run. Its compensations go on after this answers: jobs are stopped
 * and traffic is taken back before the run ends.
 *
 * @throws OrreryError NOT_FOUND, ORDER_REFUSED when the run has ended, ENGINE_UNREACHABLE
 */
export async function cancelLifecycle(
  client: Client,
  id: LifecycleId,
): Promise<{ readonly requested: true }> {
  const workflowId = lifecycleId(id);
  await askEngine(client, `cancel ${workflowId}`, () =>
    client.workflow.getHandle(workflowId).cancel(),
  );
  return { requested: true };
}
