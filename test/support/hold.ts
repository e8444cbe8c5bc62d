import { portsFrom } from '../../backends/sim/methods.ts';
import type { CallName, Method, SimPort, SimPorts } from '../../backends/sim/methods.ts';

interface Wait {
  readonly reached: () => void;
  readonly released: Promise<void>;
}

/** A call that is held, so that a test can act while a run is exactly there. */
export interface Held {
  /** Resolves once the call has been made; it has no effect yet. */
  readonly reached: Promise<void>;
  /** Lets it go on. */
  release(): void;
}

/** Holds calls at the border of a world: virtual time runs too fast to meet its middle by chance. */
export interface Hold {
  /** Holds the n-th call of a method, counted from 1 over the life of the world. */
  at(call: CallName, nth?: number): Held;
  around(ports: SimPorts): SimPorts;
}

export function createHold(): Hold {
  const waits = new Map<string, Wait>();
  const counts = new Map<CallName, number>();
  return {
    at: (call, nth = 1) => {
      let reached = () => undefined as void;
      let release = () => undefined as void;
      const reaching = new Promise<void>((resolve) => (reached = resolve));
      const released = new Promise<void>((resolve) => (release = resolve));
      waits.set(`${call}/${nth}`, { reached, released });
      return { reached: reaching, release };
    },
    around: (ports) =>
      portsFrom((call) => {
        const [port, name] = call.split('.') as [SimPort, string];
        const method = (ports[port] as unknown as Record<string, Method>)[name];
        return async (...args) => {
          const nth = (counts.get(call) ?? 0) + 1;
          counts.set(call, nth);
          const wait = waits.get(`${call}/${nth}`);
          wait?.reached();
          await wait?.released;
          return method?.(...args);
        };
      }),
  };
}
