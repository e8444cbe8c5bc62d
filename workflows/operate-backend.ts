import { workflowInfo } from '@temporalio/workflow';
import { isSlowOrder } from '../core/operations/order.ts';
import type { OperateRequest, OrderAnswers, OrderKind } from '../core/operations/order.ts';
import { control, orderControl } from './options.ts';

/**
 * One order of an operator to a backend, and its answer. Whoever gives it needs a Temporal client
 * and no credentials of the far side: the worker of the `control` queue holds those.
 */
export async function operateBackend(input: OperateRequest): Promise<OrderAnswers[OrderKind]> {
  const { order } = (await control.admit({
    workflow: 'operateBackend',
    workflowId: workflowInfo().workflowId,
    request: input,
  })) as OperateRequest;
  const { carryOutOrder } = orderControl(isSlowOrder(order.kind) ? '2m' : '15s');
  return carryOutOrder({ order });
}
