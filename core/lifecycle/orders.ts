import type { ErrorCode } from '../errors.ts';
import type { Incident, Order, RolloutOrder } from '../messages.ts';

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

/**
 * Whether a Signal carries an incident. A Signal cannot be refused, and one that made its handler
 * throw would stop the run, so whoever takes it asks first and leaves the rest alone.
 */
export function isIncident(value: unknown): value is Incident {
  if (typeof value !== 'object' || value === null) return false;
  const { region, description } = value as Record<string, unknown>;
  return (region === null || typeof region === 'string') && typeof description === 'string';
}

/** Whether a Signal carries an order for a rollout; see isIncident. */
export function isRolloutOrder(value: unknown): value is RolloutOrder {
  if (!isOrder(value)) return false;
  const { order } = value as unknown as Record<string, unknown>;
  return order === 'pause' || order === 'resume' || order === 'rollback';
}
