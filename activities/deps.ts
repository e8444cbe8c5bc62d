import type { Backend, Clock, OpenBackend, PortName, Ports } from '../core/backend.ts';
import { OrreryError } from '../core/errors.ts';
import type { KERNELS, KernelName } from '../kernels/all.ts';

/** The backends of this worker; opened once, kept open. */
export interface Backends {
  /** Names of all that are registered, whether configured here or not. */
  names(): readonly string[];
  /** Names of those that this worker has settings for. */
  configured(): readonly string[];
  /** @throws OrreryError BACKEND_UNKNOWN */
  describe(name: string): Promise<Backend>;
  /** @throws OrreryError BACKEND_UNKNOWN, SETTINGS_INVALID */
  open(name: string): Promise<OpenBackend>;
}

/** Runs a kernel where it cannot starve heartbeats. */
export interface KernelRunner {
  run<Name extends KernelName>(
    name: Name,
    ...input: Parameters<(typeof KERNELS)[Name]>
  ): Promise<ReturnType<(typeof KERNELS)[Name]>>;
}

/** What a worker gives its activities. */
export interface Deps {
  readonly backends: Backends;
  readonly kernels: KernelRunner;
  readonly clock: Clock;
}

/** @throws OrreryError BACKEND_UNKNOWN, PORT_MISSING naming who has the port */
export async function portOf<Name extends PortName>(
  { backends }: Deps,
  backend: string,
  port: Name,
): Promise<Ports[Name]> {
  const open = await backends.open(backend);
  const found = open.ports[port];
  if (found === undefined) throw await portMissing(backends, backend, port);
  return found;
}

/** Time as the backend tells it: the sim has a clock of its own. */
export async function clockOf(deps: Deps, backend: string): Promise<Clock> {
  return (await deps.backends.open(backend)).clock ?? deps.clock;
}

export async function portMissing(
  backends: Backends,
  backend: string,
  port: PortName,
): Promise<OrreryError> {
  const described = await Promise.all(backends.names().map((name) => backends.describe(name)));
  const having = described.filter(({ has }) => has.includes(port)).map(({ name }) => name);
  const reason = described.find(({ name }) => name === backend)?.lacks[port] ?? 'it is not offered';
  return new OrreryError(
    'PORT_MISSING',
    `Cannot use "${backend}" for ${port}: ${reason}; ${having.length > 0 ? having.join(', ') : 'no backend'} has it`,
    { details: { port, having } },
  );
}
