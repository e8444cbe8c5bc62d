import { OrreryError } from '../errors.ts';
import type { DataFlow } from '../ports/definitions.ts';

/** One task must have ended before another begins. */
export interface FlowEdge {
  readonly before: string;
  readonly after: string;
}

/** The order of a data flow. */
export interface FlowOrder {
  /** Names of the tasks, each after all that it waits for; otherwise as declared. */
  readonly names: readonly string[];
  readonly edges: readonly FlowEdge[];
}

/**
 * The order that a flow's reads and writes give: a task runs after every other task that writes
 * what it reads.
 *
 * @throws OrreryError REQUEST_INVALID for a name that two tasks share, and for a circle of tasks
 * that wait for each other
 */
export function flowOrder({ tasks }: Pick<DataFlow, 'tasks'>): FlowOrder {
  const twice = tasks.find(({ name }, at) => tasks.findIndex((one) => one.name === name) !== at);
  if (twice !== undefined) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot order the tasks: two are named "${twice.name}", wanted one`,
    );
  }
  const edges = tasks.flatMap((after) =>
    tasks
      .filter(
        (before) => before !== after && before.writes.some((uri) => after.reads.includes(uri)),
      )
      .map((before) => ({ before: before.name, after: after.name })),
  );
  const names: string[] = [];
  let left = tasks.map(({ name }) => name);
  while (left.length > 0) {
    const ready = left.filter(
      (name) => !edges.some(({ before, after }) => after === name && left.includes(before)),
    );
    if (ready.length === 0) {
      throw new OrreryError(
        'REQUEST_INVALID',
        `Cannot order the tasks ${left.join(', ')}: they wait for each other's data in a circle`,
      );
    }
    names.push(...ready);
    left = left.filter((name) => !ready.includes(name));
  }
  return { names, edges };
}
