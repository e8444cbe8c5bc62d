import type { ErrorCode } from '../errors.ts';
import type { Order } from '../messages.ts';

/** What of a lifecycle decides whether an order makes sense. */
export interface OrderContext {
  readonly name: string;
  readonly paused: boolean;
  readonly rollingOut: boolean;
}

/**
 * Whether an order is well formed and makes sense now. Synchronous, for an Update's validator: a
 * refused order leaves no trace in history.
 */
export function checkOrder(
  kind: 'pause' | 'resume' | 'rollback',
  order: unknown,
  { name, paused, rollingOut }: OrderContext,
): { readonly code: ErrorCode; readonly message: string } | null {
  if (!isOrder(order)) {
    return {
      code: 'REQUEST_INVALID',
      message: `Cannot ${kind} ${name}: the order is not {by, reason} with two texts`,
    };
  }
  const refused = (why: string) => ({
    code: 'ORDER_REFUSED' as const,
    message: `Cannot ${kind} ${name}: ${why}`,
  });
  switch (kind) {
    case 'pause':
      return paused ? refused('it is paused already') : null;
    case 'resume':
      return paused || rollingOut ? null : refused('it is not paused');
    case 'rollback':
      return rollingOut ? null : refused('no rollout runs');
  }
}

function isOrder(value: unknown): value is Order {
  if (typeof value !== 'object' || value === null) return false;
  const { by, reason } = value as Record<string, unknown>;
  return typeof by === 'string' && typeof reason === 'string';
}
