import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyModels } from '../support/tiny-models.ts';
import type { TinyModel } from '../support/tiny-models.ts';

const MAIN = join(import.meta.dirname, '../../serving/score-batch.ts');
const ROWS = 50_000;
let folder: string;
let ordinal = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orrery-batch-'));
  await writeTinyModels(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function score(model: TinyModel, csv: string, params: object = { label: 'is_fraud' }) {
  ordinal += 1;
  const place = (name: string) => join(folder, String(ordinal), name);
  await mkdir(place('input'), { recursive: true });
  await mkdir(place('output'), { recursive: true });
  await copyFile(join(folder, `${model}.onnx`), place('input/model.onnx'));
  await writeFile(place('input/heldout.csv'), csv);
  await writeFile(place('params.json'), JSON.stringify(params));
  const child = spawn(process.execPath, [MAIN], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      ORRERY_INPUT_DIR: place('input'),
      ORRERY_OUTPUT_DIR: place('output'),
      ORRERY_PARAMS_FILE: place('params.json'),
      ORRERY_PROGRESS_FILE: place('progress.json'),
    },
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  const exit = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const read = (name: string) => readFile(place(name), 'utf8').catch(() => '');
  return {
    exit,
    stderr,
    scores: await read('output/scores.csv'),
    progress: await read('progress.json'),
  };
}

describe('score-batch', () => {
  it('writes label and score of fifty thousand rows in input order', async () => {
    const amounts = Array.from({ length: ROWS }, (_, index) => (index % 200) / 50);
    const csv = `id,age,is_fraud,amount\n${amounts
      .map((amount, index) => `t${index},2,${index % 2},${amount}\n`)
      .join('')}`;
    const { exit, scores, progress } = await score('logistic', csv);
    expect(exit).toBe(0);
    const lines = scores.trimEnd().split('\n');
    expect(lines).toHaveLength(ROWS + 1);
    expect(lines[0]).toBe('label,score');
    const wrong = amounts.filter((amount, index) => {
      const [label, value] = (lines[index + 1] ?? '').split(',');
      const wanted = 1 / (1 + Math.exp(0.5 - 0.5 * amount));
      return label !== String(index % 2) || Math.abs(Number(value) - wanted) > 1e-6;
    });
    expect(wrong).toEqual([]);
    expect(JSON.parse(progress)).toEqual({
      step: 100,
      steps: 100,
      message: `scored ${ROWS} rows`,
    });
  });

  it.each([
    ['a missing feature column', 'amount,is_fraud\n1,0\n', 'age'],
    ['a missing label column', 'amount,age\n1,0\n', 'is_fraud'],
    ['a cell that is no number', 'amount,age,is_fraud\n1,2,0\n,3,1\n', 'row 2'],
    ['a line with another number of cells', 'amount,age,is_fraud\n1,2\n', 'Record Length'],
    ['no rows', 'amount,age,is_fraud\n', 'no rows'],
  ])('exits with 64 for %s', async (_case, csv, named) => {
    const { exit, stderr } = await score('logistic', csv);
    expect(stderr).toContain(named);
    expect(exit).toBe(64);
  });

  it('exits with 64 for parameters without a label', async () => {
    const { exit, stderr } = await score('logistic', 'amount,age,is_fraud\n1,2,0\n', {});
    expect(stderr).toContain('label');
    expect(exit).toBe(64);
  });

  it('exits with 1 when the graph fails on a row', async () => {
    const { exit } = await score('lookup', 'amount,merchant,is_fraud\n1,9,0\n');
    expect(exit).toBe(1);
  });
});
