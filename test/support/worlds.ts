import type { Backends, Deps, KernelRunner } from '../../activities/deps.ts';
import { backend as sim } from '../../backends/sim/index.ts';
import type { WorldScript } from '../../backends/sim/settings.ts';
import { createWorld } from '../../backends/sim/world.ts';
import type { World } from '../../backends/sim/world.ts';
import type { Backend, Clock, PortName } from '../../core/backend.ts';
import { OrreryError } from '../../core/errors.ts';
import { KERNELS } from '../../kernels/all.ts';
import { createHold } from './hold.ts';
import type { Hold } from './hold.ts';

/** A world with the means to stop it in the middle of something. */
export interface HeldWorld {
  readonly world: World;
  readonly hold: Hold;
}

/** Many worlds side by side, each a backend of its own name, so that tests share their workers. */
export interface Worlds {
  /**
   * Makes a world and registers it; the backend's name answers to it from now on. It may share the
   * artifacts of another world.
   */
  add(name: string, script?: WorldScript, shared?: World): HeldWorld;
  /** Registers a backend that lacks a port, with the reason. */
  addLacking(name: string, port: PortName, reason: string): void;
  readonly deps: Deps;
}

/** Kernels of tests are small, so they need no threads. */
const inProcess: KernelRunner = {
  run: async (name, ...input) => {
    const kernel = KERNELS[name] as (...args: readonly unknown[]) => unknown;
    return kernel(...input) as never;
  },
};

const systemClock: Clock = {
  now: Date.now,
  sleep: () => Promise.reject(new Error('Cannot sleep: every world brings its own clock')),
};

export function createWorlds(): Worlds {
  const held = new Map<string, HeldWorld>();
  const described = new Map<string, Backend>();
  const describe = async (name: string): Promise<Backend> => {
    const found = described.get(name);
    if (found !== undefined) return found;
    const message = `Cannot use backend "${name}": it is not registered`;
    throw new OrreryError('BACKEND_UNKNOWN', message);
  };
  const backends: Backends = {
    names: () => [...described.keys()],
    configured: () => [...held.keys()],
    describe,
    open: async (name) => {
      await describe(name);
      const opened = held.get(name);
      if (opened === undefined) throw new Error(`Cannot open "${name}": it has no world`);
      const { world, hold } = opened;
      return { ports: hold.around(world.ports), clock: world.clock, close: async () => undefined };
    },
  };
  const add = (name: string, script: WorldScript = {}, shared?: World): HeldWorld => {
    const made = { world: createWorld(script, shared), hold: createHold() };
    held.set(name, made);
    described.set(name, { ...(sim as Backend), name });
    return made;
  };
  return {
    add,
    addLacking: (name, port, reason) => {
      const has = sim.has.filter((each) => each !== port);
      described.set(name, { ...(sim as Backend), name, has, lacks: { [port]: reason } });
    },
    deps: { backends, kernels: inProcess, clock: systemClock },
  };
}
