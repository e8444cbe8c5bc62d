import { utf8ToBytes } from '@noble/hashes/utils.js';
import type { PipelineReading } from '../ports/pipeline.ts';
import type { TuningReading } from '../ports/tuning.ts';

/** What one list of a reading may weigh in a history, bytes of its JSON; payloads end at 256 KiB. */
export const LIST_BYTES_MAX = 100_000;
const TEXT_CHARS_MAX = 500;

/**
 * A reading that fits into a history: texts are cut, and of long lists the first members are kept,
 * those that did not succeed before the others. `warnings` tells what was left out.
 */
export function compactRun(reading: PipelineReading): PipelineReading {
  const tasks = sorted(reading.tasks).map((task) => ({
    ...task,
    reason: clippedText(task.reason),
    logUri: clippedText(task.logUri),
  }));
  const lineage = reading.lineage.map((artifact) => ({
    ...artifact,
    uri: clippedText(artifact.uri),
  }));
  const warnings = reading.warnings.slice(0, 20).map(clippedText);
  const keptTasks = kept(tasks);
  const keptLineage = kept(lineage);
  return {
    ...reading,
    reason: clippedText(reading.reason),
    tasks: keptTasks,
    lineage: keptLineage,
    warnings: [
      ...warnings,
      ...leftOut('warnings', reading.warnings.length - warnings.length),
      ...leftOut('tasks', tasks.length - keptTasks.length),
      ...leftOut('artifacts', lineage.length - keptLineage.length),
    ],
  };
}

/** The same for a search; its best trial is always told. */
export function compactSearch(reading: TuningReading): TuningReading {
  const trials = reading.trials.map((trial) => ({ ...trial, reason: clippedText(trial.reason) }));
  return { ...reading, reason: clippedText(reading.reason), trials: kept(trials) };
}

function sorted<Task extends { readonly phase: string }>(tasks: readonly Task[]): readonly Task[] {
  const good = ({ phase }: Task) => phase === 'succeeded' || phase === 'skipped';
  return [...tasks.filter((task) => !good(task)), ...tasks.filter(good)];
}

/** The first members that fit. */
export function kept<Item>(items: readonly Item[]): readonly Item[] {
  let bytes = 0;
  const end = items.findIndex((item) => {
    bytes += utf8ToBytes(JSON.stringify(item)).length + 1;
    return bytes > LIST_BYTES_MAX;
  });
  return end === -1 ? items : items.slice(0, end);
}

function leftOut(what: string, count: number): readonly string[] {
  return count > 0 ? [`${count} further ${what} are not told here`] : [];
}

export function clippedText(text: string): string {
  return text.length <= TEXT_CHARS_MAX
    ? text
    : `${text.slice(0, TEXT_CHARS_MAX).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
