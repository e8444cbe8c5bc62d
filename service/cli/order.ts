import type { OrderAnswers, OrderKind, OrderOf } from '../../core/operations/order.ts';
import { withClient } from './command.ts';
import type { Io } from './io.ts';

/** Opens a client for one order to a backend, and waits for its answer. */
export function giveOrder<Kind extends OrderKind>(
  io: Io,
  order: OrderOf<Kind> & { readonly kind: Kind },
): Promise<OrderAnswers[Kind]> {
  return withClient(io, async (client) => {
    const operations = await import('../operations/give-order.ts');
    return operations.giveOrder<Kind>(client, order);
  });
}
