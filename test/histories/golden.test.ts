/**
 * Every workflow type against recorded histories of its outcomes. Temporal's replay notices changed
 * orders and types of commands; it does not compare arguments, timeouts, retry policies or queues,
 * so the commands themselves are compared as well. A difference that is wanted is recorded anew:
 * see record.ts.
 *
 * Combinations that do not exist: a training is never rolled back, it serves nobody; an order to a
 * backend is one short call.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { WORKFLOW_TYPES } from '../../core/messages.ts';
import { differences } from './command.ts';
import type { Command } from './command.ts';
import { attributesOf, recordedCommands } from './recorded-commands.ts';
import type { HistoryEvent, HistoryJson } from './recorded-commands.ts';
import { goldenHistories, replayed } from './replay.ts';
import type { Golden, Replayed } from './replay.ts';

const goldens = goldenHistories();
const OUTCOMES = ['happy', 'rejected', 'cancelled', 'rolled-back'];
const NOT_THERE = [
  'trainModel.rolled-back',
  'operateBackend.cancelled',
  'operateBackend.rolled-back',
  'runPipeline.rolled-back',
  'tuneModel.rolled-back',
];

/** A copy of the histories, each mutated in one way, is replayed beside them in the same run. */
const MUTANTS: Readonly<Record<string, (history: HistoryJson) => HistoryJson>> = {
  'a renamed activity': changeScheduled('signModel', (attributes) => ({
    ...attributes,
    activityType: { name: 'signVersion' },
  })),
  'a changed argument': changeScheduled('signModel', (attributes) => ({
    ...attributes,
    input: { payloads: [json({ backends: { default: 'elsewhere' } })] },
  })),
  'a changed timeout': changeScheduled('signModel', (attributes) => ({
    ...attributes,
    startToCloseTimeout: '60s',
  })),
  'a changed queue': changeScheduled('signModel', (attributes) => ({
    ...attributes,
    taskQueue: { name: 'kernels', kind: 'TASK_QUEUE_KIND_NORMAL' },
  })),
};

let results: Map<string, Replayed>;

beforeAll(async () => {
  results = await replayed(goldens);
}, 60_000);

describe('golden histories', () => {
  test('there is one of every workflow type and outcome', () => {
    const names = goldens.map(({ name }) => name);
    const wanted = WORKFLOW_TYPES.flatMap((type) =>
      OUTCOMES.map((outcome) => `${type}.${outcome}`),
    );
    expect(wanted.filter((name) => !names.includes(name))).toEqual(NOT_THERE);
  });

  test.each(goldens.map((golden) => [golden.name, golden] as const))(
    '%s replays',
    (_name, golden) => {
      expect(resultOf(golden).error).toBeNull();
    },
  );

  test.each(goldens.map((golden) => [golden.name, golden] as const))(
    '%s is what the code issues now, command by command',
    (_name, golden) => {
      expect(differences(recordedCommands(golden.history), resultOf(golden).commands)).toEqual([]);
    },
  );

  test('carry the flags of the SDK, without which a renamed activity would pass', () => {
    for (const { history } of goldens) {
      const completed = history.events
        .map(attributesOf)
        .filter((attributes) => 'sdkMetadata' in attributes);
      expect(
        completed.some(({ sdkMetadata }) => JSON.stringify(sdkMetadata).includes('UsedFlags')),
      ).toBe(true);
    }
  });

  test('hold no payload over 256 KiB and no more than 4,096 events', () => {
    for (const { history } of goldens) {
      expect(history.events.length).toBeLessThan(4096);
      for (const event of history.events)
        expect(JSON.stringify(event).length).toBeLessThan(256 * 1024);
    }
  });
});

describe('the comparison catches', () => {
  test.each(Object.entries(MUTANTS))('%s', (_change, mutate) => {
    const golden = goldenNamed('runLifecycle.happy');
    expect(
      differences(recordedCommands(mutate(golden.history)), resultOf(golden).commands),
    ).not.toEqual([]);
  });

  test('a dropped step', () => {
    const { recorded, issued } = activitiesOf('runLifecycle.happy');
    const at = recorded.findIndex(({ name }) => name === 'registerModel');
    expect(differences(recorded, issued.toSpliced(at, 1))).not.toEqual([]);
  });

  test('a reordered step', () => {
    const { recorded, issued } = activitiesOf('runLifecycle.happy');
    const at = recorded.findIndex(({ name }) => name === 'signModel');
    const [first, second] = [issued[at] as Command, issued[at + 1] as Command];
    expect(differences(recorded, issued.toSpliced(at, 2, second, first))).not.toEqual([]);
  });
});

test('replay itself refuses a history whose activity has another name', async () => {
  const golden = goldenNamed('runLifecycle.happy');
  const history = MUTANTS['a renamed activity']?.(golden.history) as HistoryJson;
  const [result] = [...(await replayed([{ ...golden, history }])).values()];
  expect(result?.error).not.toBeNull();
}, 60_000);

function resultOf({ runId }: Golden): Replayed {
  const result = results.get(runId);
  if (result === undefined) throw new Error(`run ${runId} was not replayed`);
  return result;
}

function goldenNamed(name: string): Golden {
  const golden = goldens.find((one) => one.name === name);
  if (golden === undefined) throw new Error(`there is no history ${name}`);
  return golden;
}

/** The commands of a history twice: as recorded, and as issued, which agree. */
function activitiesOf(name: string) {
  const golden = goldenNamed(name);
  return { recorded: recordedCommands(golden.history), issued: resultOf(golden).commands };
}

function changeScheduled(
  activity: string,
  change: (attributes: Record<string, unknown>) => unknown,
) {
  return (history: HistoryJson): HistoryJson => ({
    ...history,
    events: history.events.map((event): HistoryEvent => {
      const attributes = event['activityTaskScheduledEventAttributes'] as
        (Record<string, unknown> & { activityType: { name: string } }) | undefined;
      return attributes?.activityType.name === activity
        ? { ...event, activityTaskScheduledEventAttributes: change(attributes) }
        : event;
    }),
  });
}

function json(value: unknown) {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return { metadata: { encoding: base64('json/plain') }, data: base64(JSON.stringify(value)) };
}
