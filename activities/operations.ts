import type { Ports } from '../core/backend.ts';
import { OrreryError } from '../core/errors.ts';
import { cutText, listed } from '../core/operations/listed.ts';
import type {
  BackendDescription,
  BackendOrder,
  CheckAnswer,
  OrderAnswers,
  OrderKind,
  OrderOf,
  StopAnswer,
} from '../core/operations/order.ts';
import type { RemoteWork } from '../core/ports/inventory.ts';
import type { Deps } from './deps.ts';
import { portOf } from './deps.ts';

/** How each kind of order is carried out. */
type Handlers = {
  readonly [Kind in OrderKind]: (order: OrderOf<Kind>) => Promise<OrderAnswers[Kind]>;
};

export function createOperationActivities(deps: Deps) {
  const port = <Name extends keyof Ports>(order: { readonly backend: string }, name: Name) =>
    portOf(deps, order.backend, name);
  const handlers: Handlers = {
    list: async () => listed(await describeAll(deps)),
    check: (order) => check(deps, order.backend),
    quotePrice: async (order) => (await port(order, 'prices')).quote(order.resources),
    inventory: async (order) =>
      listed([...(await (await port(order, 'inventory')).list())].toSorted(liveThenNewest)),
    stopWork: (order) => stopWork(deps, order),
    planDefinition: async (order) => {
      const change = await (await port(order, 'definitions')).plan(order.definition);
      return { ...change, diff: cutText(change.diff) };
    },
    putDefinition: async (order) => (await port(order, 'definitions')).put(order.definition),
    listDefinitions: async (order) => listed(await (await port(order, 'definitions')).list()),
    removeDefinition: async (order) => {
      await (await port(order, 'definitions')).remove(order.name);
      return { removed: order.name };
    },
    planBackfill: async (order) => listed(await (await port(order, 'backfill')).plan(order.spec)),
    startBackfill: async (order) => (await port(order, 'backfill')).start(order.spec),
    readBackfill: async (order) => (await port(order, 'backfill')).read(order.pipeline, order.key),
    stopBackfill: async (order) => (await port(order, 'backfill')).stop(order.pipeline, order.key),
    publishAsset: async ({ backend, asset, key, extra }) =>
      (await port({ backend }, 'assets')).publish({ asset, key, extra }),
    assetEvents: async (order) =>
      listed(await (await port(order, 'assets')).events(order.asset, order.countMax)),
    materializeAsset: async (order) =>
      (await port(order, 'assets')).materialize(order.asset, order.key),
    setPool: async (order) => (await port(order, 'pools')).set(order.name, order.slots),
    listPools: async (order) => listed(await (await port(order, 'pools')).list()),
    removePool: async (order) => {
      await (await port(order, 'pools')).remove(order.name);
      return { removed: order.name };
    },
  };
  return {
    /** Carries out one order of an operator; see core/operations/order.ts. */
    async carryOutOrder({ order }: { order: BackendOrder }): Promise<OrderAnswers[OrderKind]> {
      return (handlers[order.kind] as (of: BackendOrder) => Promise<OrderAnswers[OrderKind]>)(
        order,
      );
    },
  };
}

async function describeAll({ backends }: Deps): Promise<readonly BackendDescription[]> {
  const configured = backends.configured();
  return Promise.all(
    backends.names().map(async (name) => {
      const { summary, has, lacks } = await backends.describe(name);
      return { name, summary, has, lacks, configured: configured.includes(name) };
    }),
  );
}

/** A backend that cannot even be opened is a finding like any other. */
async function check({ backends, clock }: Deps, backend: string): Promise<CheckAnswer> {
  const startedAt = clock.now();
  const seconds = () => (clock.now() - startedAt) / 1000;
  await backends.describe(backend);
  try {
    const open = await backends.open(backend);
    const findings = open.check === undefined ? null : await open.check();
    return { findings, seconds: seconds() };
  } catch (error) {
    if (!(error instanceof OrreryError) || error.code !== 'SETTINGS_INVALID') throw error;
    const told = error.message;
    const action = 'Correct the settings of the worker and start it again';
    return {
      findings: [{ subject: 'settings', state: 'missing', told, action }],
      seconds: seconds(),
    };
  }
}

async function stopWork(deps: Deps, { backend, work }: OrderOf<'stopWork'>): Promise<StopAnswer> {
  switch (work.port) {
    case 'pipeline': {
      const reading = await (await portOf(deps, backend, 'pipeline')).stop(work);
      return { phase: reading.phase, reason: reading.reason, seconds: reading.runSeconds };
    }
    case 'compute':
    case 'tuning': {
      const reading = await (await portOf(deps, backend, work.port)).stop(work);
      return { phase: reading.phase, reason: reading.reason, seconds: reading.billableSeconds };
    }
  }
}

/** What costs money now must not be what is cut. */
function liveThenNewest(one: RemoteWork, other: RemoteWork): number {
  const live = (work: RemoteWork) => (['pending', 'running'].includes(work.phase) ? 0 : 1);
  return live(one) - live(other) || (other.startedAt ?? '').localeCompare(one.startedAt ?? '');
}
