import { CALL_NAMES, portsFrom } from '../../backends/sim/methods.ts';
import type { CallName, Method, SimPort } from '../../backends/sim/methods.ts';
import type { World } from '../../backends/sim/world.ts';

/**
 * Where a worker dies: at a call of an activity to the outside, `before` its effect or `after` it
 * and before the reply, which is where duplicates come from.
 */
export interface Boundary {
  readonly call: CallName;
  readonly moment: 'before' | 'after';
}

export interface ArmedWorld extends World {
  /** Resolves when the next caller has reached the boundary; that caller never gets an answer. */
  reached(boundary: Boundary): Promise<void>;
  /** Calls that have been made so far, by name. */
  readonly calls: ReadonlyMap<CallName, number>;
}

/** The same world, at whose border callers can be held for ever so that they can be killed there. */
export function armed(world: World): ArmedWorld {
  const calls = new Map<CallName, number>();
  let trap: { readonly boundary: Boundary; readonly spring: () => void } | null = null;
  const sprung = (call: CallName, moment: Boundary['moment']): boolean => {
    if (trap === null || trap.boundary.call !== call || trap.boundary.moment !== moment)
      return false;
    trap.spring();
    trap = null;
    return true;
  };
  const never = () => new Promise<never>(() => undefined);
  const method = (call: CallName): Method => {
    const [port, name] = call.split('.') as [SimPort, string];
    const inner = world.ports[port] as unknown as Record<string, Method>;
    return async (...args) => {
      calls.set(call, (calls.get(call) ?? 0) + 1);
      if (sprung(call, 'before')) return never();
      const answer = await inner[name]?.(...args);
      return sprung(call, 'after') ? never() : answer;
    };
  };
  return {
    ...world,
    ports: portsFrom(method),
    calls,
    reached: (boundary) =>
      new Promise((resolve) => {
        trap = { boundary, spring: resolve };
      }),
  };
}

/** Every boundary of the calls that a life makes. */
export function boundariesOf(calls: ReadonlyMap<CallName, number>): Boundary[] {
  return CALL_NAMES.filter((call) => calls.has(call)).flatMap((call) => [
    { call, moment: 'before' as const },
    { call, moment: 'after' as const },
  ]);
}
