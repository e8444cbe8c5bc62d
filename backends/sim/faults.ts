import { OrreryError } from '../../core/errors.ts';
import type { Journal } from './journal.ts';
import type { CallName, Method } from './methods.ts';
import type { CallFault } from './settings.ts';

/** The scripted faults of calls, and how often each method was called. */
export interface Faults {
  /** Calls of a method so far. */
  calls(call: CallName): number;
  /** Adds a fault while the world runs; `nth` still counts from the beginning of the world. */
  add(fault: CallFault): void;
  /** Resolves once so many faults have fired, for tests that act at exactly that moment. */
  fired(count: number): Promise<void>;
  /** Puts the faults of a method around it. */
  around(call: CallName, method: Method, beforeCall: (nth: number) => void): Method;
}

export function createFaults(scripted: readonly CallFault[], journal: Journal): Faults {
  const faults = [...scripted];
  const counts = new Map<CallName, number>();
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  const strike = async (call: CallName, nth: number, moment: CallFault['moment']) => {
    const fault = faults.find(
      (each) =>
        each.call === call &&
        each.moment === moment &&
        nth >= each.nth &&
        nth < each.nth + each.times,
    );
    if (fault === undefined) return;
    journal.add({ what: 'fault.fired', call, nth, moment });
    const fired = journal.of('fault.fired').length;
    for (const waiter of waiting) if (waiter.count <= fired) waiter.resolve();
    if (fault.throws === null) await new Promise<never>(() => undefined);
    else {
      const state = moment === 'before' ? 'it was not carried out' : 'its reply is lost';
      throw new OrreryError(
        fault.throws,
        `Cannot complete call ${nth} of ${call}: ${state}, as the script of the world says`,
      );
    }
  };
  return {
    calls: (call) => counts.get(call) ?? 0,
    add: (fault) => {
      faults.push(fault);
    },
    fired: (count) =>
      new Promise((resolve) => {
        if (journal.of('fault.fired').length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
    around:
      (call, method, beforeCall) =>
      async (...args) => {
        const nth = (counts.get(call) ?? 0) + 1;
        counts.set(call, nth);
        beforeCall(nth);
        await strike(call, nth, 'before');
        const result = await method(...args);
        await strike(call, nth, 'after');
        return result;
      },
  };
}
