/**
 * Crashes of a worker around every call to Airflow, by a seed. What a crash leaves behind is what the
 * far side did; the worker starts the same step again with the same key, as the engine has it.
 */
import type { Call } from '../../../backends/airflow/client.ts';
import type { Reply } from '../../../backends/airflow/errors.ts';
import { OrreryError } from '../../../core/errors.ts';
import type { AirflowDouble } from './double.ts';

/** What happens around a call, besides nothing. */
export const CRASHES = [
  'before send',
  'after send before reply',
  'after reply before completion',
  'connection reset',
  'throttled (429)',
  'server error (500)',
  'timeout without effect',
  'slow success after the timeout',
] as const;
export type Crash = (typeof CRASHES)[number];

/** The worker is gone: nothing after the call happens, and nobody hears of the reply. */
export class WorkerKilled extends Error {
  override readonly name = 'WorkerKilled';
}

/** A slow call takes effect after so many further calls. */
const LATE_CALLS_MAX = 6;

export class CrashingWire {
  readonly counts: Record<Crash, number>;
  /** Crashes around a PATCH, which is how a run is ended. */
  duringCancel = 0;
  readonly #double: AirflowDouble;
  readonly #random: () => number;
  readonly #probability: number;
  readonly #late: { call: Call; after: number }[] = [];

  /** @param random numbers in [0, 1) */
  constructor(double: AirflowDouble, random: () => number, probability: number) {
    this.#double = double;
    this.#random = random;
    this.#probability = probability;
    this.counts = Object.fromEntries(CRASHES.map((crash) => [crash, 0])) as Record<Crash, number>;
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }

  readonly send = async (call: Call): Promise<Reply> => {
    this.#arrive();
    if (this.#random() >= this.#probability) return this.#double.send(call);
    const crash = CRASHES[Math.floor(this.#random() * CRASHES.length)]!;
    this.counts[crash] += 1;
    if (call.method === 'PATCH') this.duringCancel += 1;
    switch (crash) {
      case 'before send':
        throw new WorkerKilled();
      case 'after send before reply':
      case 'after reply before completion':
        this.#double.send(call);
        throw new WorkerKilled();
      case 'connection reset':
        if (this.#random() < 0.5) this.#double.send(call);
        throw unavailable(call, crash);
      case 'throttled (429)':
      case 'server error (500)':
      case 'timeout without effect':
        throw unavailable(call, crash);
      case 'slow success after the timeout':
        this.#late.push({ call, after: 1 + Math.floor(this.#random() * LATE_CALLS_MAX) });
        throw unavailable(call, crash);
    }
  };

  /** Lets everything arrive that is still on its way. */
  flush(): void {
    for (const { call } of this.#late.splice(0)) this.#double.send(call);
  }

  #arrive(): void {
    for (const late of this.#late) late.after -= 1;
    const due = this.#late.filter(({ after }) => after <= 0);
    for (const one of due) {
      this.#late.splice(this.#late.indexOf(one), 1);
      this.#double.send(one.call);
    }
  }
}

function unavailable({ action }: Call, crash: Crash): OrreryError {
  return new OrreryError('BACKEND_UNAVAILABLE', `Cannot ${action}: ${crash}`);
}
