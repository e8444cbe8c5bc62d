import { OrreryError } from '../../core/errors.ts';
import type { PoolReading, Pools } from '../../core/ports/pools.ts';
import type { AirflowClient, Call } from './client.ts';
import { checked } from './client.ts';
import { refusal } from './errors.ts';
import { poolSchema, poolsSchema } from './replies.ts';

const PAGE = 100;
const POOLS_MAX = 1000;
const DESCRIPTION = 'Set by Orrery';

interface PoolReply {
  readonly name: string;
  readonly slots: number;
  readonly occupied_slots: number;
}

/** Pools as Airflow has them. A task that waits in a full pool runs nowhere else. */
export function createPools(client: AirflowClient): Pools {
  return {
    set: (name, slots) => setPool(client, name, slots),
    list: () => listPools(client),
    remove: (name) => removePool(client, name),
  };
}

const readingOf = ({ name, slots, occupied_slots: usedSlots }: PoolReply): PoolReading => ({
  name,
  slots,
  usedSlots,
});

async function setPool(client: AirflowClient, name: string, slots: number): Promise<PoolReading> {
  if (!Number.isInteger(slots) || slots < 0 || name === '') {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot give the pool "${name}" ${slots} slots: wanted a name and a whole number from 0`,
    );
  }
  const action = `give the pool "${name}" ${slots} slots`;
  const change: Call = {
    action,
    method: 'PATCH',
    path: '/pools/{pool_name}',
    at: { pool_name: name },
    query: { update_mask: ['slots'] },
    body: { slots },
  };
  const changed = await client.send(change);
  if (changed.status < 300) return readingOf(checked(change, changed, poolSchema));
  if (changed.status !== 404) throw refusal(action, changed);
  const create: Call = {
    action,
    method: 'POST',
    path: '/pools',
    body: { name, slots, description: DESCRIPTION, include_deferred: false },
  };
  const created = await client.send(create);
  // Somebody else made it a moment ago: then it is there to be changed.
  if (created.status === 409) return readingOf(await client.ask(change, poolSchema));
  if (created.status >= 300) throw refusal(action, created);
  return readingOf(checked(create, created, poolSchema));
}

async function listPools(client: AirflowClient): Promise<readonly PoolReading[]> {
  const found: PoolReading[] = [];
  while (found.length < POOLS_MAX) {
    const query = { limit: PAGE, offset: found.length, order_by: 'name' };
    const call: Call = { action: 'list the pools', method: 'GET', path: '/pools', query };
    const { pools } = await client.ask(call, poolsSchema);
    found.push(...pools.map(readingOf));
    if (pools.length < PAGE) break;
  }
  return found;
}

async function removePool(client: AirflowClient, name: string): Promise<void> {
  const action = `remove the pool "${name}"`;
  const call: Call = {
    action,
    method: 'GET',
    path: '/pools/{pool_name}',
    at: { pool_name: name },
  };
  const reply = await client.send(call);
  if (reply.status === 404) return;
  if (reply.status >= 300) throw refusal(action, reply);
  const { usedSlots } = readingOf(checked(call, reply, poolSchema));
  if (usedSlots > 0) {
    throw new OrreryError(
      'ORDER_REFUSED',
      `Cannot remove the pool "${name}": tasks hold ${usedSlots} of its slots, wanted none`,
    );
  }
  const removed = await client.send({ ...call, method: 'DELETE' });
  if (removed.status === 400) throw refusal(action, removed, 'ORDER_REFUSED');
  if (removed.status >= 300 && removed.status !== 404) throw refusal(action, removed);
}
