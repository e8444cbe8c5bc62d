import type { PortName } from '../backend.ts';
import type { BackendFinding } from '../backend.ts';
import type { AssetEvent } from '../ports/assets.ts';
import type { BackfillReading, BackfillSpec } from '../ports/backfill.ts';
import type { JobParam, JobPhase, JobSpec } from '../ports/compute.ts';
import type {
  DefinitionChange,
  DefinitionReading,
  PipelineDefinition,
} from '../ports/definitions.ts';
import type { RemoteWork } from '../ports/inventory.ts';
import type { PipelineHandle } from '../ports/pipeline.ts';
import type { PoolReading } from '../ports/pools.ts';
import type { PriceQuote } from '../ports/prices.ts';
import type { Listed } from './listed.ts';

/** What of an operator's wishes needs a backend, and so a worker that holds its credentials. */
export type BackendOrder =
  /** All backends that the worker registers, configured or not. */
  | { readonly kind: 'list' }
  /** What the far side says when it is asked whether it would work; changes nothing. */
  | { readonly kind: 'check'; readonly backend: string }
  | { readonly kind: 'quotePrice'; readonly backend: string; readonly resources: Resources }
  | { readonly kind: 'inventory'; readonly backend: string }
  /** Stops one piece of work and answers its terminal state, read from the far side. */
  | { readonly kind: 'stopWork'; readonly backend: string; readonly work: WorkHandle }
  | {
      readonly kind: 'planDefinition' | 'putDefinition';
      readonly backend: string;
      readonly definition: PipelineDefinition;
    }
  | { readonly kind: 'listDefinitions'; readonly backend: string }
  | { readonly kind: 'removeDefinition'; readonly backend: string; readonly name: string }
  | {
      readonly kind: 'planBackfill' | 'startBackfill';
      readonly backend: string;
      readonly spec: BackfillSpec;
    }
  | {
      readonly kind: 'readBackfill' | 'stopBackfill';
      readonly backend: string;
      readonly pipeline: string;
      readonly key: string;
    }
  | {
      readonly kind: 'publishAsset';
      readonly backend: string;
      readonly asset: string;
      readonly key: string;
      readonly extra: Readonly<Record<string, JobParam>>;
    }
  | {
      readonly kind: 'assetEvents';
      readonly backend: string;
      readonly asset: string;
      readonly countMax: number;
    }
  | {
      readonly kind: 'materializeAsset';
      readonly backend: string;
      readonly asset: string;
      readonly key: string;
    }
  | {
      readonly kind: 'setPool';
      readonly backend: string;
      readonly name: string;
      readonly slots: number;
    }
  | { readonly kind: 'listPools'; readonly backend: string }
  | { readonly kind: 'removePool'; readonly backend: string; readonly name: string };

export type OrderKind = BackendOrder['kind'];
/** The orders of one kind; some kinds share a member of the union. */
export type OrderOf<Kind extends OrderKind, Order = BackendOrder> = Order extends {
  readonly kind: infer Kinds;
}
  ? Kind extends Kinds
    ? Order
    : never
  : never;
export type Resources = JobSpec['resources'];

/** What finds a piece of remote work again. */
export type WorkHandle = Pick<RemoteWork, 'port' | 'key' | 'remoteId'>;

/** One registered backend, as the worker that answers knows it. */
export interface BackendDescription {
  readonly name: string;
  readonly summary: string;
  readonly has: readonly PortName[];
  /** Port → why this system has none. */
  readonly lacks: Partial<Readonly<Record<PortName, string>>>;
  /** Whether the settings of this worker have it. */
  readonly configured: boolean;
}

export interface CheckAnswer {
  /** null when the backend has no check of its own. */
  readonly findings: readonly BackendFinding[] | null;
  readonly seconds: number;
}

export interface StopAnswer {
  readonly phase: JobPhase;
  readonly reason: string;
  /** Seconds for which it was billed, or ran, in all. */
  readonly seconds: number;
}

/** Kind of an order → what it is answered with. */
export interface OrderAnswers {
  readonly list: Listed<BackendDescription>;
  readonly check: CheckAnswer;
  readonly quotePrice: PriceQuote;
  /** Live work first, then newest first. */
  readonly inventory: Listed<RemoteWork>;
  readonly stopWork: StopAnswer;
  readonly planDefinition: DefinitionChange;
  readonly putDefinition: DefinitionReading;
  readonly listDefinitions: Listed<DefinitionReading>;
  readonly removeDefinition: { readonly removed: string };
  readonly planBackfill: Listed<string>;
  readonly startBackfill: BackfillReading;
  readonly readBackfill: BackfillReading | null;
  readonly stopBackfill: BackfillReading | null;
  readonly publishAsset: AssetEvent;
  readonly assetEvents: Listed<AssetEvent>;
  readonly materializeAsset: PipelineHandle;
  readonly setPool: PoolReading;
  readonly listPools: Listed<PoolReading>;
  readonly removePool: { readonly removed: string };
}

/** The one argument of `operateBackend`. */
export interface OperateRequest {
  readonly schemaVersion: 1;
  readonly order: BackendOrder;
}

/** The port that an order goes through; null for one that goes to the backend as a whole. */
export const PORT_OF_ORDER = {
  list: null,
  check: null,
  quotePrice: 'prices',
  inventory: 'inventory',
  // Through whichever port the work has.
  stopWork: null,
  planDefinition: 'definitions',
  putDefinition: 'definitions',
  listDefinitions: 'definitions',
  removeDefinition: 'definitions',
  planBackfill: 'backfill',
  startBackfill: 'backfill',
  readBackfill: 'backfill',
  stopBackfill: 'backfill',
  publishAsset: 'assets',
  assetEvents: 'assets',
  materializeAsset: 'assets',
  setPool: 'pools',
  listPools: 'pools',
  removePool: 'pools',
} as const satisfies Readonly<Record<OrderKind, PortName | null>>;

/** The backend and port that an order needs; null for an order to the worker itself. */
export function targetOf(
  order: BackendOrder,
): { readonly backend: string; readonly port: PortName | null } | null {
  if (order.kind === 'list') return null;
  const port = order.kind === 'stopWork' ? order.work.port : PORT_OF_ORDER[order.kind];
  return { backend: order.backend, port };
}

/** Orders that wait until the far side has done something, or that look through all it has. */
const SLOW: readonly OrderKind[] = [
  'check',
  'inventory',
  'stopWork',
  'putDefinition',
  'removeDefinition',
  'startBackfill',
  'stopBackfill',
  'materializeAsset',
];

/** Whether an order may take minutes; any other is answered within seconds. */
export function isSlowOrder(kind: OrderKind): boolean {
  return SLOW.includes(kind);
}
