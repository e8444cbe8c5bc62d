import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { findDag } from '../../../backends/airflow/dags.ts';
import type { Definitions } from '../../../core/ports/definitions.ts';
import type { Pipeline } from '../../../core/ports/pipeline.ts';
import { expectCode, freshName } from '../../support/contract/harness.ts';
import { flowOf, shellTask } from './flows.ts';
import { openAirflow, type OpenedAirflow } from './opened.ts';
import { defined, readToEnd, readUntil, runOf, whenAtWork, witness } from './runs.ts';

describe('DAGs made from declared data', () => {
  let opened: OpenedAirflow;
  let definitions: Definitions;
  let pipeline: Pipeline;
  beforeAll(async () => {
    opened = await openAirflow();
    definitions = opened.port('definitions');
    pipeline = opened.port('pipeline');
  });
  afterAll(() => opened.open.close());

  const pathOf = (name: string) => join(opened.airflow.dagFolder, `orrery_${name}.py`);
  const source = (text: string) => ({ kind: 'source', text }) as const;

  it('run their tasks in the order of their reads and writes, with the params of the run laid over', async () => {
    const told = join(opened.airflow.home, freshName('told'));
    const tell = (name: string) =>
      `printf '%s ' ${name} >> ${told}; cat "$ORRERY_PARAMS_FILE" >> ${told}; echo >> ${told}`;
    const flow = flowOf([
      shellTask('judge', tell('judge'), { reads: ['s3://m/model'] }),
      shellTask('train', tell('train'), {
        reads: ['s3://d/split'],
        writes: ['s3://m/model'],
        params: { rate: 0.5, depth: 3, plain: '{{ ds }}' },
      }),
      shellTask('split', tell('split'), { writes: ['s3://d/split'] }),
    ]);
    const name = await defined(opened, 'ordered', flow);
    const { handle } = await pipeline.start(runOf(name, { rate: 0.1 }));
    const end = await readToEnd(pipeline, handle.remoteId);
    expect(end.phase).toBe('succeeded');
    const lines = readFileSync(told, 'utf8').trim().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['split', 'train', 'judge']);
    const params = JSON.parse(lines[1]!.replace(/^train /, '')) as object;
    expect(params).toMatchObject({ rate: 0.1, depth: 3, plain: '{{ ds }}' });
    expect(params).not.toHaveProperty('orrery');
    const outputs = end.lineage.filter(({ direction }) => direction === 'output');
    expect(outputs.map(({ task, uri }) => [task, uri])).toEqual([
      ['split', 's3://d/split'],
      ['train', 's3://m/model'],
    ]);
    await definitions.remove(name);
  });

  it('put twice change nothing: neither the file nor the version', async () => {
    const name = freshName('twice');
    const definition = {
      name,
      content: { kind: 'flow', flow: flowOf([shellTask('a', 'true')]) },
    } as const;
    const first = await definitions.put(definition);
    const before = statSync(pathOf(name));
    expect(await definitions.put(definition)).toEqual(first);
    expect(statSync(pathOf(name)).mtimeMs).toBe(before.mtimeMs);
    expect(statSync(pathOf(name)).ino).toBe(before.ino);
    expect(await definitions.plan(definition)).toEqual({ name, change: 'none', diff: '' });
    await definitions.remove(name);
  });

  it('are gone once removed, from the folder and from Airflow, and a removal again is no error', async () => {
    const name = await defined(opened, 'gone', flowOf([shellTask('a', 'true')]));
    await definitions.remove(name);
    expect(readdirSync(opened.airflow.dagFolder)).not.toContain(`orrery_${name}.py`);
    expect(await witness(opened.settings, (client) => findDag(client, name))).toBeNull();
    await definitions.remove(name);
    await expectCode(pipeline.start(runOf(name)), 'NOT_FOUND');
  });

  it('are not removed while a run of theirs is live', async () => {
    const name = await defined(opened, 'busy', flowOf([shellTask('a', 'sleep 600')]));
    const { handle } = await pipeline.start(runOf(name));
    await whenAtWork(pipeline, handle.remoteId);
    await expectCode(definitions.remove(name), 'ORDER_REFUSED');
    expect((await pipeline.read(handle)).phase).toBe('running');
    await pipeline.stop(handle);
    await definitions.remove(name);
  });

  it('that cannot be imported are SPEC_REJECTED with the error of Python, and what was there stays', async () => {
    const name = freshName('broken');
    const broken = source(`import nothing_of_this_name\n# "${name}"\n# airflow dag`);
    const rejected = definitions.put({ name, content: broken });
    await expect(rejected).rejects.toMatchObject({
      code: 'SPEC_REJECTED',
      message: expect.stringContaining("No module named 'nothing_of_this_name'"),
    });
    expect(readdirSync(opened.airflow.dagFolder)).not.toContain(`orrery_${name}.py`);
    const good = {
      name,
      content: { kind: 'flow', flow: flowOf([shellTask('a', 'true')]) },
    } as const;
    await definitions.put(good);
    const text = readFileSync(pathOf(name), 'utf8');
    await expectCode(definitions.put({ name, content: broken }), 'SPEC_REJECTED');
    expect(readFileSync(pathOf(name), 'utf8')).toBe(text);
    await definitions.remove(name);
  });

  it('never touch a file or a DAG that is not ours', async () => {
    const name = freshName('theirs');
    const theirs = [
      'from airflow.sdk import DAG',
      'from airflow.providers.standard.operators.empty import EmptyOperator',
      `with DAG("${name}", schedule=None):`,
      '    EmptyOperator(task_id="only")',
    ].join('\n');
    const flow = { kind: 'flow', flow: flowOf([shellTask('a', 'true')]) } as const;
    writeFileSync(pathOf(name), theirs);
    await expectCode(definitions.put({ name, content: flow }), 'NAME_TAKEN');
    await expectCode(definitions.remove(name), 'NAME_TAKEN');
    const other = freshName('file');
    writeFileSync(join(opened.airflow.dagFolder, `${other}.py`), theirs.replaceAll(name, other));
    await readUntilThere(other);
    await expectCode(definitions.put({ name: other, content: flow }), 'NAME_TAKEN');
    await definitions.remove(other);
    expect(readFileSync(pathOf(name), 'utf8')).toBe(theirs);
    expect((await definitions.list()).map((reading) => reading.name)).not.toContain(name);
    const { rmSync } = await import('node:fs');
    rmSync(pathOf(name));
    rmSync(join(opened.airflow.dagFolder, `${other}.py`));
  });

  const readUntilThere = async (name: string) => {
    const { until } = await import('../../support/until.ts');
    const look = () => witness(opened.settings, (client) => findDag(client, name));
    await until(`${name} is parsed`, look, 60_000);
  };

  it('end a task at once whose program rejects its input with 64, and try another failure again', async () => {
    const counted = join(opened.airflow.home, freshName('tries'));
    const flow = (code: number) =>
      flowOf([shellTask('only', `echo >> ${counted}-${code}; exit ${code}`, { retries: 1 })]);
    const tries = (code: number) => readFileSync(`${counted}-${code}`, 'utf8').length;
    for (const [code, wanted] of [
      [64, 1],
      [3, 2],
    ] as const) {
      const name = await defined(opened, `exits-${code}`, flow(code));
      const { handle } = await pipeline.start(runOf(name));
      expect((await readToEnd(pipeline, handle.remoteId)).phase).toBe('failed');
      expect(tries(code)).toBe(wanted);
      await definitions.remove(name);
    }
  });

  it('give a program nothing of the environment of Airflow but what a job gets', async () => {
    const seen = join(opened.airflow.home, freshName('env'));
    const name = await defined(opened, 'env', flowOf([shellTask('only', `env > ${seen}`)]));
    const { handle } = await pipeline.start(runOf(name));
    await readToEnd(pipeline, handle.remoteId);
    const names = readFileSync(seen, 'utf8')
      .split('\n')
      .map((line) => line.split('=')[0]!);
    expect(names.filter((one) => one.startsWith('AIRFLOW'))).toEqual([]);
    expect(names).toEqual(expect.arrayContaining(['ORRERY_JOB_KEY', 'ORRERY_OUTPUT_DIR']));
    await definitions.remove(name);
  });

  it('tell a missed deadline as a warning, which does not change the phase', async () => {
    const flow = flowOf([shellTask('only', 'sleep 600')], { deadlineSeconds: 1 });
    const name = await defined(opened, 'late', flow);
    const { handle } = await pipeline.start(runOf(name));
    const late = await readUntil(
      pipeline,
      handle.remoteId,
      'is late',
      ({ warnings }) => warnings.length > 0,
    );
    expect(late.phase).toMatch(/pending|running/);
    expect(late.warnings).toEqual([expect.stringMatching(/^missed its deadline at 20/)]);
    await pipeline.stop(handle);
    await definitions.remove(name);
  });
});
