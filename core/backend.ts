import type { Artifacts } from './ports/artifacts.ts';
import type { Compute } from './ports/compute.ts';
import type { Metrics } from './ports/metrics.ts';
import type { Models } from './ports/models.ts';
import type { Prices } from './ports/prices.ts';
import type { Serving } from './ports/serving.ts';
import type { Signer } from './ports/signer.ts';
import type { Traffic } from './ports/traffic.ts';

/** Every port by its name. A new port is one interface file and one line here. */
export interface Ports {
  readonly artifacts: Artifacts;
  readonly compute: Compute;
  readonly metrics: Metrics;
  readonly models: Models;
  readonly prices: Prices;
  readonly serving: Serving;
  readonly signer: Signer;
  readonly traffic: Traffic;
}
export type PortName = keyof Ports;
/** The same names as a value, for schemas and loops; the compiler holds it against `Ports`. */
export const PORT_NAMES = [
  'artifacts',
  'compute',
  'metrics',
  'models',
  'prices',
  'serving',
  'signer',
  'traffic',
] as const satisfies readonly PortName[];

/** Time as activities see it. Real backends leave it to the system; the sim brings its own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A backend with its settings checked and its clients made. */
export interface OpenBackend {
  readonly ports: Partial<Ports>;
  readonly clock?: Clock;
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

/**
 * Which backend serves which port of a run. `default` is asked for a port that is not named;
 * there is no other fallback.
 */
export type BackendChoice = { readonly default: string } & Partial<
  Readonly<Record<PortName, string>>
>;

export function backendFor(choice: BackendChoice, port: PortName): string {
  return choice[port] ?? choice.default;
}
