import { Piscina } from 'piscina';
import type { KernelRunner } from '../activities/deps.ts';
import { OrreryError } from '../core/errors.ts';
import type { KernelAnswer } from './kernel-thread.ts';

/** Threads of this process for kernels. */
const THREADS_MAX = 2;

/** Runs kernels in worker threads, so that the event loop and its heartbeats go on. */
export function createKernelPool(): KernelRunner & { close(): Promise<void> } {
  const pool = new Piscina({
    filename: new URL('./kernel-thread.ts', import.meta.url).href,
    minThreads: 0,
    maxThreads: THREADS_MAX,
    idleTimeout: 30_000,
  });
  return {
    async run(name, ...input) {
      const answer = (await pool.run({ name, input })) as KernelAnswer;
      if (answer.ok) return answer.value as never;
      throw new OrreryError(answer.code, answer.message, { details: answer.details });
    },
    close: () => pool.close({ force: true }),
  };
}
