import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { dagFileOf, parseDagFile } from '../../../backends/airflow/dag-file.ts';
import { openDagFolder } from '../../../backends/airflow/dag-folder.ts';
import { lineDiff } from '../../../backends/airflow/line-diff.ts';
import type { DataFlow, FlowTask } from '../../../core/ports/definitions.ts';
import { expectCode } from '../../support/contract/harness.ts';
import { pythonProgram } from '../../support/tools.ts';

const TASK: FlowTask = {
  name: 'train',
  command: ['/bin/train', '--fast'],
  params: { rate: 0.5 },
  reads: ['s3://d/a'],
  writes: ['s3://m/b'],
  pool: 'gpu',
  retries: 2,
  timeoutSeconds: 60,
};
const FLOW: DataFlow = {
  description: 'Trains',
  schedule: { kind: 'assets', assets: ['s3://d/a'] },
  deadlineSeconds: 3600,
  tasks: [TASK],
};
const definition = (flow: DataFlow, name = 'fraud') =>
  ({ name, content: { kind: 'flow', flow } }) as const;

/** What Python reads in a literal of ours. */
function parsedByPython(texts: readonly string[]): void {
  const program = 'import ast, json, sys\nfor t in json.load(sys.stdin): ast.parse(t)';
  execFileSync(pythonProgram(), ['-c', program], { input: JSON.stringify(texts) });
}

describe('dagFileOf', () => {
  it('is the same text for the same flow, and says whose it is in its first line', () => {
    const file = dagFileOf(definition(FLOW));
    expect(dagFileOf(definition(structuredClone(FLOW)))).toEqual(file);
    expect(parseDagFile(file.text)).toEqual(file);
    expect(file.text).toMatch(/^# orrery-definition fraud sha256:[0-9a-f]{64}\n/);
    expect(parseDagFile('from airflow.sdk import DAG')).toBeNull();
  });

  it('says schedule, pool, retries, limits, assets and deadline in words of the SDK', () => {
    const { text } = dagFileOf(definition(FLOW));
    for (const line of [
      'schedule=[Asset("s3://d/a")],',
      'pool="gpu",',
      'retries=2,',
      'execution_timeout=timedelta(seconds=60),',
      'inlets=[Asset("s3://d/a")],',
      'outlets=[Asset("s3://m/b")],',
      'interval=timedelta(seconds=3600),',
      '"command": ["/bin/train", "--fast"],',
    ]) {
      expect(text).toContain(line);
    }
    const manual = { ...FLOW, schedule: { kind: 'manual' }, deadlineSeconds: null } as const;
    expect(dagFileOf(definition(manual)).text).toContain('schedule=None');
    expect(dagFileOf(definition(manual)).text).not.toContain('Deadline');
    const cron = { ...FLOW, schedule: { kind: 'cron', cron: '0 4 * * *' } } as const;
    expect(dagFileOf(definition(cron)).text).toContain('schedule="0 4 * * *"');
  });

  it('is Python, whatever the texts of the flow hold', () => {
    const texts = fc.string({ unit: 'binary', maxLength: 20 });
    const flows = fc.record({
      description: texts,
      command: fc.array(texts, { minLength: 1, maxLength: 3 }),
      params: fc.dictionary(texts, fc.oneof(texts, fc.boolean(), fc.integer())),
      reads: fc.array(texts, { maxLength: 2 }),
      pool: fc.option(texts),
    });
    const made: string[] = [];
    fc.assert(
      fc.property(flows, ({ description, ...task }) => {
        const flow = { ...FLOW, description, tasks: [{ ...TASK, ...task, writes: [] }] };
        made.push(dagFileOf(definition(flow)).text);
      }),
      { numRuns: 30 },
    );
    parsedByPython(made);
  });

  it('refuses names that Airflow does not take, and a circle of data', () => {
    expect(() => dagFileOf(definition(FLOW, 'a/b'))).toThrow(/"a\/b"/);
    const named = { ...FLOW, tasks: [{ ...TASK, name: 'a b' }] };
    expect(() => dagFileOf(definition(named))).toThrow(/"a b"/);
    const other = { ...TASK, name: 'other', reads: TASK.writes, writes: TASK.reads };
    expect(() => dagFileOf(definition({ ...FLOW, tasks: [TASK, other] }))).toThrow(/circle/);
  });

  it('takes a source as it is, when that makes the DAG of the name', () => {
    const text = 'DAG("fraud")';
    const file = dagFileOf({ name: 'fraud', content: { kind: 'source', text } });
    expect(file.text.split('\n').slice(1).join('\n')).toBe(text);
    const other = { name: 'churn', content: { kind: 'source', text } } as const;
    expect(() => dagFileOf(other)).toThrow(/"churn"/);
  });
});

describe('openDagFolder', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'orrery-dags-'));
  });
  afterEach(() => rmSync(home, { recursive: true }));

  it('writes a file whole, reads it back, lists it and removes it', async () => {
    const folder = openDagFolder(home);
    const file = dagFileOf(definition(FLOW));
    expect(await folder.read('fraud')).toBeNull();
    await folder.write(file);
    await folder.write(file);
    expect(readdirSync(home)).toEqual(['orrery_fraud.py']);
    expect(await folder.read('fraud')).toEqual(file);
    expect(await folder.list()).toEqual([file]);
    await folder.remove('fraud');
    await folder.remove('fraud');
    expect(readdirSync(home)).toEqual([]);
  });

  it('leaves alone what is not ours', async () => {
    const folder = openDagFolder(home);
    writeFileSync(join(home, 'orrery_fraud.py'), 'DAG("fraud")');
    writeFileSync(join(home, 'other.py'), 'DAG("other")');
    expect(await folder.list()).toEqual([]);
    await expectCode(folder.read('fraud'), 'NAME_TAKEN');
    await expectCode(folder.remove('fraud'), 'NAME_TAKEN');
    expect(readdirSync(home).sort()).toEqual(['orrery_fraud.py', 'other.py']);
  });

  it('says which setting is missing', async () => {
    await expectCode(openDagFolder(null).read('fraud'), 'SETTINGS_INVALID');
  });

  it('says that a folder cannot be written', async () => {
    writeFileSync(join(home, 'file'), '');
    const folder = openDagFolder(join(home, 'file', 'in'));
    await expectCode(folder.write(dagFileOf(definition(FLOW))), 'SETTINGS_INVALID');
  });
});

describe('lineDiff', () => {
  it('shows what goes and what comes, with the lines around it', () => {
    const before = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].join('\n');
    const after = ['a', 'b', 'c', 'D', 'e', 'f', 'g'].join('\n');
    expect(lineDiff(before, after).split('\n')).toEqual(
      expect.arrayContaining(['  b', '  c', '- d', '+ D', '  e', '  f']),
    );
    expect(lineDiff(before, after)).not.toMatch(/a|g/);
    expect(lineDiff(before, before)).toBe('');
  });
});
