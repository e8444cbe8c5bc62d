/**
 * A worker that dies at a call: before the call is sent, after it was sent and before its answer, or
 * after its answer and before anything is made of it. In this process a worker is the set of ports
 * over clients of its own; a dead one makes no further call, and what it had sent goes on without it.
 */
import type { FarSide } from '../../../backends/sagemaker/far-side.ts';
import type { Random } from '../../../backends/sim/random.ts';
import type { DecideFault, ProxyFault } from '../../support/fault-proxy.ts';

export const MOMENTS = ['before send', 'before reply', 'after reply'] as const;
export type Moment = (typeof MOMENTS)[number];

export class Crash extends Error {}

/** Where a worker dies: at its `nth` call, counted from 1. */
export interface Death {
  readonly nth: number;
  readonly moment: Moment;
}

type Method = (...args: unknown[]) => unknown;

/** The far side as a worker sees it that dies as planned; null lives. `died` is told once. */
export function mortal(far: FarSide, death: Death | null, died: (moment: Moment) => void): FarSide {
  let count = 0;
  let dead = false;
  const call = async (act: () => unknown): Promise<unknown> => {
    if (dead) throw new Crash('dead');
    count += 1;
    if (death?.nth !== count) return act();
    dead = true;
    died(death.moment);
    if (death.moment !== 'before send') {
      const answer = Promise.resolve(act()).catch(() => undefined);
      // A few turns of the loop hand the request to the connection.
      await (death.moment === 'after reply'
        ? answer
        : new Promise((resolve) => setTimeout(resolve, 2)));
    }
    throw new Crash(death.moment);
  };
  const wrap = <Client extends object>(client: Client): Client =>
    new Proxy(client, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        const method = (member as Method).bind(target);
        // The address of an object is computed, not asked for.
        return name === 'uri' ? method : (...args: unknown[]) => call(() => method(...args));
      },
    });
  return { ...far, sagemaker: wrap(far.sagemaker), store: wrap(far.store) };
}

const AWS_JSON = 'application/x-amz-json-1.1';
const throttled = '{"__type":"ThrottlingException","message":"Rate exceeded"}';
/** What networks and AWS do, beside the death of workers. */
const FAULTS: readonly ProxyFault[] = [
  { kind: 'reset-before' },
  { kind: 'reset-after' },
  { kind: 'status', status: 400, body: throttled, contentType: AWS_JSON },
  { kind: 'status', status: 429, body: throttled, contentType: AWS_JSON },
  { kind: 'status', status: 500, body: '{"__type":"InternalFailure"}', contentType: AWS_JSON },
  { kind: 'status', status: 503, body: '{}', contentType: AWS_JSON },
  { kind: 'html' },
  { kind: 'garbled' },
];
/** Rarer, since each costs a wait: the answer comes after the client has given up. */
const SLOW_SHARE = 0.04;

/** A fault for this share of the calls to SageMaker, told by its kind. */
export function faultsFor(
  random: Random,
  options: { readonly share: number; readonly slowMs: number },
  injected: (kind: string) => void,
): DecideFault {
  return ({ headers }) => {
    if (headers['x-amz-target'] === undefined || random.next() >= options.share) return null;
    const slow: ProxyFault = { kind: 'slow', ms: options.slowMs };
    const plain = FAULTS[Math.floor(random.next() * FAULTS.length)] as ProxyFault;
    const fault = random.next() < SLOW_SHARE ? slow : plain;
    injected(fault.kind === 'status' ? `status ${fault.status}` : fault.kind);
    return fault;
  };
}
