import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { isSlowOrder } from '../../core/operations/order.ts';
import type {
  OperateRequest,
  OrderAnswers,
  OrderKind,
  OrderOf,
} from '../../core/operations/order.ts';
import { TASK_QUEUES } from '../../core/messages.ts';
import type { WorkflowType } from '../../core/messages.ts';
import { askEngine } from '../engine-errors.ts';

const WORKFLOW: WorkflowType = 'operateBackend';
/** Milliseconds for an order that is answered at once, and for one that waits for a far side. */
const QUICK_MS_MAX = 20_000;
const SLOW_MS_MAX = 400_000;
/** After its caller has given up, an order ends by itself: nothing is done behind anybody's back. */
const MARGIN_MS = 5_000;

/**
 * Has a worker carry out an order, and waits for the answer.
 *
 * @throws OrreryError of the far side by its code; BACKEND_UNKNOWN, PORT_MISSING, SETTINGS_INVALID;
 *   ENGINE_UNREACHABLE when no worker answers
 */
export async function giveOrder<Kind extends OrderKind>(
  client: Client,
  order: OrderOf<Kind> & { readonly kind: Kind },
): Promise<OrderAnswers[Kind]> {
  const { kind } = order;
  const backend = 'backend' in order ? (order.backend as string) : 'worker';
  const msMax = isSlowOrder(kind) ? SLOW_MS_MAX : QUICK_MS_MAX;
  const request = { schemaVersion: 1, order } as unknown as OperateRequest;
  return askEngine(
    client,
    `have ${kind} carried out for ${backend}`,
    () =>
      client.workflow.execute(WORKFLOW, {
        workflowId: `operate/${kind}/${backend}/${randomUUID()}`,
        taskQueue: TASK_QUEUES.orchestrate,
        args: [request],
        workflowExecutionTimeout: msMax + MARGIN_MS,
        staticSummary: `${kind} ${backend}`,
      }),
    msMax,
  ) as Promise<OrderAnswers[Kind]>;
}
