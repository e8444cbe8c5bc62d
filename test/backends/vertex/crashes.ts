/**
 * A worker that dies at a call: before the call is sent, after it was sent and before its answer, or
 * after its answer and before anything is made of it. In this process a worker is a set of ports over
 * calls of its own; a dead one makes no further call, and what it had sent goes on without it.
 */
import type { Random } from '../../../backends/sim/random.ts';
import type { VertexApi } from '../../../backends/vertex/calls.ts';
import type { WireCall, WireFault } from './double/wire.ts';

export const MOMENTS = ['before send', 'before reply', 'after reply'] as const;
export type Moment = (typeof MOMENTS)[number];

export class Crash extends Error {}

/** Where a worker dies: at its `nth` call, counted from 1. */
export interface Death {
  readonly nth: number;
  readonly moment: Moment;
}

type Method = (...args: never[]) => Promise<unknown>;

/** Calls through which the worker dies as planned; null lives. `died` is told once. */
export function mortal(
  api: VertexApi,
  death: Death | null,
  died: (moment: Moment) => void,
): VertexApi {
  let count = 0;
  let dead = false;
  const wrap =
    (method: Method): Method =>
    async (...args) => {
      if (dead) throw new Crash('dead');
      count += 1;
      if (death?.nth !== count) return method(...args);
      dead = true;
      died(death.moment);
      if (death.moment !== 'before send') {
        const answer = method(...args).catch(() => undefined);
        // One turn of the loop hands the request to the connection.
        await (death.moment === 'after reply'
          ? answer
          : new Promise((resolve) => setImmediate(resolve)));
      }
      throw new Crash(death.moment);
    };
  const groups = Object.entries(api).map(([name, group]) => {
    if (typeof group === 'function') return [name, group] as const;
    const methods = Object.entries(group as Record<string, Method>);
    return [
      name,
      Object.fromEntries(methods.map(([call, method]) => [call, wrap(method)])),
    ] as const;
  });
  return Object.fromEntries(groups) as unknown as VertexApi;
}

/** What networks and far sides do, beside the death of workers. */
const FAULTS: readonly WireFault[] = [
  { kind: 'refuse', status: 'UNAVAILABLE', told: 'connection refused' },
  { kind: 'refuse', status: 'RESOURCE_EXHAUSTED', told: 'Quota exceeded: requests per minute' },
  { kind: 'refuse', status: 'INTERNAL', told: 'Internal error encountered.' },
  { kind: 'refuse-after', status: 'UNAVAILABLE', told: 'read ECONNRESET' },
  { kind: 'refuse-after', status: 'INTERNAL', told: 'Internal error encountered.' },
  { kind: 'refuse-after', status: 'DEADLINE_EXCEEDED', told: 'Deadline exceeded' },
];
/** Rarer, since they cost a connection of everybody, or a wait. */
const COSTLY: readonly WireFault[] = [
  { kind: 'reset-before' },
  { kind: 'reset-after' },
  // Longer than the limit of a call in the soak.
  { kind: 'slow', ms: 3500 },
];
const COSTLY_SHARE = 0.03;

/** A fault for this share of the calls. */
export function faultsFor(
  random: Random,
  share: number,
  injected: (fault: WireFault, call: WireCall) => void,
): (call: WireCall) => WireFault | null {
  return (call) => {
    if (random.next() >= share) return null;
    const kinds = random.next() < COSTLY_SHARE ? COSTLY : FAULTS;
    const fault = kinds[Math.floor(random.next() * kinds.length)] as WireFault;
    injected(fault, call);
    return fault;
  };
}
