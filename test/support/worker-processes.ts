import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskQueue } from '../../core/messages.ts';
import { PROJECT_ROOT } from '../../workers/home.ts';
import { killed } from './engine.ts';

export interface WorkerProcess {
  readonly queues: readonly TaskQueue[];
  readonly pid: number;
  /** kill -9; returns when it is gone. */
  kill(): Promise<void>;
  /** A new process for the same queues. */
  restart(): void;
}

/** Real worker processes, as `up` starts them: `node workers/main.ts <queue> …`. */
export function startWorker(
  queues: readonly TaskQueue[],
  options: {
    readonly home: string;
    readonly address: string;
    /** Further variables, such as test credentials. */
    readonly env?: Readonly<Record<string, string>>;
  },
): WorkerProcess {
  const node = join(PROJECT_ROOT, 'node_modules', '.bin', 'node');
  const start = (): ChildProcess => {
    const log = openSync(join(options.home, `worker-${queues.join('-')}.log`), 'a');
    return spawn(node, [join(PROJECT_ROOT, 'workers', 'main.ts'), ...queues], {
      stdio: ['ignore', log, log],
      env: {
        PATH: process.env['PATH'],
        ORRERY_HOME: options.home,
        TEMPORAL_ADDRESS: options.address,
        NODE_COMPILE_CACHE: join(options.home, 'cache', 'node'),
        NODE_NO_WARNINGS: '1',
        ...options.env,
      },
    });
  };
  let child = start();
  return {
    queues,
    get pid() {
      return child.pid ?? 0;
    },
    kill: () => killed(child),
    restart: () => {
      child = start();
    },
  };
}
