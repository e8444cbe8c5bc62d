import type { DataFlow, FlowTask } from '../../../core/ports/definitions.ts';

/** A task that runs a shell script, with nothing else said. */
export function shellTask(name: string, script: string, more: Partial<FlowTask> = {}): FlowTask {
  return {
    name,
    command: ['/bin/sh', '-c', script],
    params: {},
    reads: [],
    writes: [],
    pool: null,
    retries: 0,
    timeoutSeconds: 600,
    ...more,
  };
}

export function flowOf(tasks: readonly FlowTask[], more: Partial<DataFlow> = {}): DataFlow {
  return {
    description: 'A flow of the tests',
    schedule: { kind: 'manual' },
    deadlineSeconds: null,
    tasks,
    ...more,
  };
}

/** A task that ends with 3, and one that would have read what it writes. */
export const FAILING = flowOf([
  shellTask('first', 'true', { writes: ['file:///tests/first'] }),
  shellTask('second', 'exit 3', {
    reads: ['file:///tests/first'],
    writes: ['file:///tests/second'],
  }),
  shellTask('third', 'true', { reads: ['file:///tests/second'] }),
]);
/** Two tasks, one after the other. */
export const PASSING = flowOf([
  shellTask('first', 'true', { writes: ['file:///tests/passed'] }),
  shellTask('second', 'true', { reads: ['file:///tests/passed'] }),
]);
/** Runs until it is stopped. */
export const LONG = flowOf([
  shellTask('first', 'sleep 600', { writes: ['file:///tests/long'] }),
  shellTask('second', 'true', { reads: ['file:///tests/long'] }),
]);
