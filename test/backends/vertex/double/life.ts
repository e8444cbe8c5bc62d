import type { Message } from './protos.ts';
import { timestamp } from './protos.ts';

/** How a job of the double goes, chosen by the script. */
export interface Course {
  readonly ends:
    'succeeds' | 'fails' | 'expires' | 'partially-succeeds' | 'never' | 'is-cancelled-over-time';
  /** Exit code of a job that fails; 1 unless said. */
  readonly exitCode?: number;
  /** A job that has its result before the cancellation reaches it: it ends as succeeded. */
  readonly outrunsCancel?: boolean;
  /** Attempts of its container that failed and were started again by the far side. */
  readonly restarts?: number;
  /** Outputs that the program forgets to write. */
  readonly forgets?: readonly string[];
  /** Further words in the error of a failed job. */
  readonly told?: string;
}

/** How long things take, milliseconds. */
export interface DoublePace {
  readonly pendingMs: number;
  readonly runMs: number;
  readonly cancelMs: number;
  readonly operationMs: number;
}

export type LifeState =
  | 'PENDING'
  | 'RUNNING'
  | 'CANCELLING'
  | 'SUCCEEDED'
  | 'PARTIALLY_SUCCEEDED'
  | 'FAILED'
  | 'EXPIRED'
  | 'CANCELLED';

export const LIVE_STATES: readonly LifeState[] = ['PENDING', 'RUNNING', 'CANCELLING'];

const END_STATES: Readonly<Record<Course['ends'], LifeState>> = {
  succeeds: 'SUCCEEDED',
  fails: 'FAILED',
  expires: 'EXPIRED',
  'partially-succeeds': 'PARTIALLY_SUCCEEDED',
  never: 'SUCCEEDED',
  'is-cancelled-over-time': 'CANCELLED',
};

/**
 * The life of one job as a function of time: PENDING → RUNNING → its end; a cancellation goes through
 * CANCELLING, from where the job may only go to SUCCEEDED, FAILED or CANCELLED (job_state.proto).
 * A job that has ended never changes.
 */
export class Life {
  readonly course: Course;
  readonly bornAt: number;
  readonly #runsAt: number;
  readonly #endsAt: number;
  readonly #cancelMs: number;
  #cancelAt: number | null = null;

  constructor(course: Course, bornAt: number, pace: DoublePace) {
    this.course = course;
    this.bornAt = bornAt;
    this.#runsAt = bornAt + pace.pendingMs;
    this.#endsAt = course.ends === 'never' ? Number.POSITIVE_INFINITY : this.#runsAt + pace.runMs;
    this.#cancelMs = pace.cancelMs;
  }

  /** Best effort: nothing for a job that has ended. */
  cancel(now: number): void {
    if (this.#cancelAt === null && this.isLive(now)) this.#cancelAt = now;
  }

  isLive(now: number): boolean {
    return LIVE_STATES.includes(this.stateAt(now));
  }

  stateAt(now: number): LifeState {
    const cutAt = this.#cutAt();
    if (now >= Math.min(cutAt, this.#endsAt)) {
      if (this.#endsAt <= cutAt || this.course.outrunsCancel) return END_STATES[this.course.ends];
      return 'CANCELLED';
    }
    if (this.#cancelAt !== null) return 'CANCELLING';
    return now < this.#runsAt ? 'PENDING' : 'RUNNING';
  }

  /** The members that every kind of job has, from its state to its times. */
  times(now: number): Message {
    const endedAt = Math.min(this.#cutAt(), this.#endsAt);
    const startedAt = Math.min(this.#runsAt, endedAt);
    return {
      createTime: timestamp(this.bornAt),
      ...(now >= startedAt && { startTime: timestamp(startedAt) }),
      ...(now >= endedAt && { endTime: timestamp(endedAt) }),
      updateTime: timestamp(Math.min(now, endedAt)),
    };
  }

  #cutAt(): number {
    return this.#cancelAt === null ? Number.POSITIVE_INFINITY : this.#cancelAt + this.#cancelMs;
  }
}

/** `google.rpc.Status` of a job that ended badly, in Vertex AI's words. */
export function errorOf(state: LifeState, course: Course): Message | undefined {
  switch (state) {
    case 'FAILED':
      return {
        code: 3,
        message: `The replica workerpool0-0 exited with a non-zero status of ${course.exitCode ?? 1}. ${course.told ?? 'To find out more about why your job exited please check the logs.'}`,
      };
    case 'CANCELLED':
      return { code: 1, message: 'CANCELED' };
    case 'EXPIRED':
      return { code: 4, message: 'The job has expired.' };
    default:
      return undefined;
  }
}
