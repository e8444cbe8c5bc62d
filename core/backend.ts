import type { Artifacts } from './ports/artifacts.ts';
import type { Assets } from './ports/assets.ts';
import type { Backfill } from './ports/backfill.ts';
import type { Compute } from './ports/compute.ts';
import type { Definitions } from './ports/definitions.ts';
import type { Inventory } from './ports/inventory.ts';
import type { Metrics } from './ports/metrics.ts';
import type { Models } from './ports/models.ts';
import type { Pipeline } from './ports/pipeline.ts';
import type { Pools } from './ports/pools.ts';
import type { Prices } from './ports/prices.ts';
import type { Serving } from './ports/serving.ts';
import type { Signer } from './ports/signer.ts';
import type { Traffic } from './ports/traffic.ts';
import type { Tuning } from './ports/tuning.ts';

/** Every port by its name. A new port is one interface file and one line here. */
export interface Ports {
  readonly artifacts: Artifacts;
  readonly assets: Assets;
  readonly backfill: Backfill;
  readonly compute: Compute;
  readonly definitions: Definitions;
  readonly inventory: Inventory;
  readonly metrics: Metrics;
  readonly models: Models;
  readonly pipeline: Pipeline;
  readonly pools: Pools;
  readonly prices: Prices;
  readonly serving: Serving;
  readonly signer: Signer;
  readonly traffic: Traffic;
  readonly tuning: Tuning;
}
export type PortName = keyof Ports;
/** The same names as a value, for schemas and loops; the compiler holds it against `Ports`. */
export const PORT_NAMES = [
  'artifacts',
  'assets',
  'backfill',
  'compute',
  'definitions',
  'inventory',
  'metrics',
  'models',
  'pipeline',
  'pools',
  'prices',
  'serving',
  'signer',
  'traffic',
  'tuning',
] as const satisfies readonly PortName[];

/** Time as activities see it. Real backends leave it to the system; the sim brings its own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** One thing that `orrery backends check` looked at. */
export interface BackendFinding {
  /** Such as `endpoint`, `credentials`, `quota`, `CRD trainjobs`. */
  readonly subject: string;
  readonly state: 'ok' | 'missing' | 'unknown';
  /** What was found, in the far side's own words where it has some; never a secret. */
  readonly told: string;
  /** What the operator does next; empty when `ok`. */
  readonly action: string;
}

/** A backend with its settings checked and its clients made. */
export interface OpenBackend {
  readonly ports: Partial<Ports>;
  readonly clock?: Clock;
  /** Asks the far side whether it would work, changing nothing; a finding for what fails, no throw. */
  check?(): Promise<readonly BackendFinding[]>;
  close(): Promise<void>;
}

/** What `backends/<name>/index.ts` exports as `backend`. */
export interface Backend<Settings = unknown> {
  readonly name: string;
  /** One sentence for `orrery backends list`. */
  readonly summary: string;
  readonly has: readonly PortName[];
  /** Port → the reason why this system has none. `has` and `lacks` together name every port. */
  readonly lacks: Partial<Readonly<Record<PortName, string>>>;
  /** Throws for settings that do not fit; zod schemas fit this shape. */
  readonly settings: { parse(value: unknown): Settings };
  open(settings: Settings): Promise<OpenBackend>;
}

/** Steps of a life that run as jobs on capacity; the same words as the kinds of jobs. */
export type ComputeStep = 'prepare' | 'train' | 'score';

/**
 * Which backend serves which port of a run. `default` is asked for a port that is not named;
 * there is no other fallback.
 */
export type BackendChoice = {
  readonly default: string;
  /**
   * Step → backends in the order in which they are tried; see core/training/fallback.ts for when
   * the next one is. Absent → the `compute` backend alone.
   */
  readonly steps?: Partial<Readonly<Record<ComputeStep, readonly string[]>>>;
} & Partial<Readonly<Record<PortName, string>>>;

export function backendFor(choice: BackendChoice, port: PortName): string {
  return choice[port] ?? choice.default;
}

/** The backends of a step, the preferred one first; at least one. */
export function backendsForStep(choice: BackendChoice, step: ComputeStep): readonly string[] {
  const named = choice.steps?.[step] ?? [];
  return named.length > 0 ? named : [backendFor(choice, 'compute')];
}
