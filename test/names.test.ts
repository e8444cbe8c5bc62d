import { describe, expect, test } from '@jest/globals';
import { controlActivities, kernelActivities, watchActivities } from '../activities/all.ts';
import type { Deps } from '../activities/deps.ts';
import { QUERIES, SIGNALS, TASK_QUEUES, UPDATES, WORKFLOW_TYPES } from '../core/messages.ts';
import { filesUnder, textOf } from './support/project-files.ts';

const KINDS = { Update: UPDATES, Signal: SIGNALS, Query: QUERIES } as const;
/** Words of systems that an activity may not know; names of activities are in every history. */
const VENDOR =
  /temporal|envoy|kubernetes|k8s|kubeflow|airflow|aws|sagemaker|google|gcp|vertex|azure|feast|redis|onnx|local|sim(?!ilar)/i;

const kebab = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

describe('A workflow type', () => {
  test('is exported by the bundle under its name, and nothing else is', () => {
    const entry = textOf('workflows/all.ts');
    const exported = [...entry.matchAll(/^export \{ (\w+) \} from '\.\/([a-z-]+)\.ts';$/gm)];
    expect(exported.map(([, name]) => name).sort()).toEqual([...WORKFLOW_TYPES].sort());
    expect(exported.map(([, name = '']) => kebab(name))).toEqual(
      exported.map(([, , file]) => file),
    );
    expect(entry.match(/^export /gm)?.length).toBe(exported.length);
  });

  test.each(WORKFLOW_TYPES)('%s has a file of its own, in which it is the one export', (type) => {
    const text = textOf(`workflows/${kebab(type)}.ts`);
    const exported = [...text.matchAll(/^export (?:async )?(?:function|const|class) (\w+)/gm)];
    expect(exported.map(([, name]) => name)).toEqual([type]);
  });
});

describe('A message', () => {
  test('has the name of its key on the wire', () => {
    for (const names of [...Object.values(KINDS), TASK_QUEUES]) {
      expect(Object.values(names)).toEqual(Object.keys(names));
    }
  });

  test('is defined in workflows/messages.ts by a constant of its name and kind', () => {
    const text = textOf('workflows/messages.ts');
    const defined = [
      ...text.matchAll(
        /export const (\w+)(Update|Signal|Query) = define(\w+)<.*>\((\w+)\.(\w+)\);/g,
      ),
    ];
    expect(defined.length).toBe(text.match(/^export const/gm)?.length);
    for (const [, constant = '', suffix = '', kind, group, name = ''] of defined) {
      expect(kind).toBe(suffix);
      expect(group).toBe({ Update: 'UPDATES', Signal: 'SIGNALS', Query: 'QUERIES' }[suffix]);
      // Two workflows answer `status`, each with a state of its own: the constant says whose.
      expect(constant.toLowerCase().endsWith(name.toLowerCase())).toBe(true);
    }
    const names = new Set(defined.map(([, , , , , name]) => name));
    expect([...names].sort()).toEqual(Object.values(KINDS).flatMap(Object.keys).sort());
  });
});

describe('An activity', () => {
  // Nothing is called: the names are those of the objects that workers register.
  const deps = {} as Deps;
  const names = [controlActivities(deps), watchActivities(deps), kernelActivities(deps)].flatMap(
    (group) => Object.keys(group),
  );

  test('has a name that no other has', () => {
    expect(names.length).toBeGreaterThanOrEqual(20);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  test('is named by a verb and its object', () => {
    // `admit` takes the request of whichever workflow asks, which needs no object.
    const others = names.filter((name) => name !== 'admit' && !/^[a-z]+([A-Z][a-z]+)+$/.test(name));
    expect(others).toEqual([]);
  });

  test('names no vendor', () => {
    expect(names.filter((name) => VENDOR.test(name))).toEqual([]);
  });
});

describe('A task queue', () => {
  test('has the name of the worker file that works on it', () => {
    const zones = filesUnder('workers').flatMap((path) =>
      [...textOf(path).matchAll(/^export (?:async )?function (\w+)Options\(/gm)]
        .map(([, zone]) => ({ zone, path }))
        .filter(({ path: file }) => !['workers/telemetry.ts'].includes(file)),
    );
    expect(zones.map(({ zone }) => zone).sort()).toEqual(Object.keys(TASK_QUEUES).sort());
    expect(zones.map(({ path }) => path)).toEqual(zones.map(({ zone }) => `workers/${zone}.ts`));
  });
});

test('No test title begins with "should"', () => {
  const title = /\b(?:test|it|describe)(?:\.\w+)*(?:\([^)]*\))?\(\s*['"`]should\b/i;
  const tests = filesUnder('test').filter((path) => path.endsWith('.test.ts'));
  expect(tests.filter((path) => title.test(textOf(path)))).toEqual([]);
});
