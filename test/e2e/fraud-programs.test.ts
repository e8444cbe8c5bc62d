import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { checkpointsIn, python, runProgram, startProgram } from '../support/program-job.ts';
import type { ProgramJobOptions } from '../support/program-job.ts';
import { pythonProgram } from '../support/tools.ts';
import { until } from '../support/until.ts';

jest.setTimeout(180_000);

const PROGRAMS = resolve('examples/fraud');
const PREPARE = [pythonProgram(), join(PROGRAMS, 'prepare.py')] as const;
const TRAIN = [pythonProgram(), join(PROGRAMS, 'train.py')] as const;
const SCORE = [process.execPath, resolve('serving/score-batch.ts')] as const;
const DAY_MS = 86_400_000;
const HELD_OUT_DAYS = 12;
/** Starting Python and growing a chunk takes seconds when all cores are busy. */
const CONDITION_MS_MAX = 60_000;
const DELAY_DAYS = 7;

const home = mkdtempSync(join(tmpdir(), 'fraud-programs-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

let folders = 0;
const fresh = (name: string) => join(home, `${name}-${(folders += 1)}`);
const comesTrue = (condition: string, holds: () => boolean) =>
  until(condition, async () => (holds() ? true : null), CONDITION_MS_MAX);
const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

interface Table {
  readonly names: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

function readTable(path: string): Table {
  const [header = '', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  return { names: header.split(','), rows: lines.map((line) => line.split(',')) };
}

async function generate(...flags: readonly string[]): Promise<string> {
  const out = `${fresh('data')}.csv`;
  await python(join(PROGRAMS, 'generate.py'), '--out', out, ...flags);
  return out;
}

async function prepare(dataPath: string) {
  const folder = fresh('prepare');
  const input = join(home, 'data.csv');
  writeFileSync(input, readFileSync(dataPath));
  const job = await runProgram({ command: PREPARE, folder, inputs: [input], params: {} });
  expect(job.ending).toMatchObject({ code: 0, stderr: '' });
  return { train: job.output('train.csv'), heldOut: job.output('heldout.csv') };
}

let data = '';
let train = '';
let heldOut = '';
const SMALL = ['--customers', '400', '--terminals', '800', '--days', '60', '--seed', '7'];

beforeAll(async () => {
  data = await generate(...SMALL);
  ({ train, heldOut } = await prepare(data));
});

const training = (params: object, checkpoints?: string): ProgramJobOptions => ({
  command: TRAIN,
  folder: fresh('train'),
  inputs: [train],
  params: { trees: 30, ...params },
  ...(checkpoints === undefined ? {} : { checkpoints }),
});

describe('generate.py', () => {
  it('makes 200,000 rows or more by default, few of them frauds, in at most 25 MB', async () => {
    const path = await generate();
    const { names, rows } = readTable(path);
    const label = names.indexOf('is_fraud');
    const share = rows.filter((row) => row[label] === '1').length / rows.length;
    expect(rows.length).toBeGreaterThanOrEqual(200_000);
    expect(share).toBeGreaterThan(0.01);
    expect(share).toBeLessThan(0.03);
    expect(readFileSync(path).length).toBeLessThan(25e6);
  });

  it('makes the same bytes for a seed and others for another', async () => {
    expect(sha256(await generate(...SMALL))).toBe(sha256(data));
    expect(sha256(await generate(...SMALL, '--seed', '8'))).not.toBe(sha256(data));
  });

  it('leaves the days before a drift alone, then opens terminals and raises amounts', async () => {
    const drifted = readTable(await generate(...SMALL, '--drift', '--drift-day', '40'));
    const before = readTable(data);
    const first = drifted.rows.findIndex(
      (row, index) => String(row) !== String(before.rows[index]),
    );
    const column = (table: Table, name: string) =>
      table.rows.slice(first).map((row) => Number(row[table.names.indexOf(name)]));
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
    expect(drifted.rows[first]?.[1]?.slice(0, 10)).toBe('2026-02-14');
    expect(Math.max(...column(before, 'terminal_id'))).toBeLessThan(800);
    expect(Math.max(...column(drifted, 'terminal_id'))).toBeGreaterThanOrEqual(800);
    expect(mean(column(drifted, 'amount'))).toBeGreaterThan(1.2 * mean(column(before, 'amount')));
    expect(mean(column(drifted, 'is_fraud'))).toBeGreaterThan(mean(column(before, 'is_fraud')));
  });
});

describe('prepare.py', () => {
  it('computes windows that a naive count over known facts gives too', () => {
    const table = readTable(data);
    const held = readTable(heldOut);
    const facts = table.rows.map(([, at, customer, terminal, amount, fraud, labelAt]) => ({
      at: Date.parse(at ?? ''),
      customer,
      terminal,
      amount: Number(amount),
      fraud: Number(fraud),
      labelAt: Date.parse(labelAt ?? ''),
    }));
    const offset = facts.length - held.rows.length;
    for (let index = 0; index < held.rows.length; index += Math.ceil(held.rows.length / 60)) {
      const row = Object.fromEntries(held.names.map((name, i) => [name, held.rows[index]?.[i]]));
      const now = facts[offset + index];
      if (now === undefined) throw new Error('the held-out rows are not the last ones');
      expect([row['amount'], row['terminal_id'], row['is_fraud']].map(Number)).toEqual([
        now.amount,
        Number(now.terminal),
        now.fraud,
      ]);
      const past = facts.slice(0, offset + index + 1);
      for (const days of [1, 7, 30]) {
        const mine = past.filter(
          (f) => f.customer === now.customer && f.at > now.at - days * DAY_MS,
        );
        const sum = mine.reduce((total, f) => total + f.amount, 0);
        expect(Number(row[`customer_count_${days}d`])).toBe(mine.length);
        expect(Number(row[`customer_mean_amount_${days}d`])).toBeCloseTo(sum / mine.length, 3);
        const end = now.at - DELAY_DAYS * DAY_MS;
        const there = past.filter(
          (f) => f.terminal === now.terminal && f.at <= end && f.at > end - days * DAY_MS,
        );
        const frauds = there.reduce((total, f) => total + f.fraud, 0);
        expect(there.every((f) => f.labelAt <= now.at)).toBe(true);
        expect(Number(row[`terminal_count_${days}d`])).toBe(there.length);
        expect(Number(row[`terminal_risk_${days}d`])).toBeCloseTo(
          there.length === 0 ? 0 : frauds / there.length,
          5,
        );
      }
    }
  });

  it('makes the same train.csv when every label that arrives after the training day is turned', async () => {
    const { names, rows } = readTable(data);
    const lastDay = Math.floor(Date.parse(rows.at(-1)?.[1] ?? '') / DAY_MS);
    const trainingDay = (lastDay - HELD_OUT_DAYS + 1) * DAY_MS;
    const turned = rows.map((row) =>
      Date.parse(row[6] ?? '') < trainingDay ? row : row.with(5, String(1 - Number(row[5]))),
    );
    const path = `${fresh('turned')}.csv`;
    writeFileSync(path, `${[names, ...turned].join('\n')}\n`);
    const again = await prepare(path);
    expect(sha256(again.heldOut)).not.toBe(sha256(heldOut));
    expect(sha256(again.train)).toBe(sha256(train));
  });

  it.each([
    ['a column that is missing', 'transaction_id,tx_time\n1,2026-01-05T00:00:10Z\n', {}],
    ['a parameter that it does not know', '', { heldout_day: 3 }],
    ['a parameter out of range', '', { delay_days: 0 }],
  ])('ends with 64 and one line for %s', async (_, text, params) => {
    const input = join(home, 'data.csv');
    writeFileSync(input, text === '' ? readFileSync(data) : text);
    const folder = fresh('prepare');
    const { ending } = await runProgram({ command: PREPARE, folder, inputs: [input], params });
    expect(ending.code).toBe(64);
    expect(ending.stderr).toMatch(/^Cannot [^\n]+\n$/);
  });
});

describe('train.py', () => {
  it('makes the same model.onnx after kill -9, SIGTERM and a torn checkpoint as without', async () => {
    const whole = await runProgram(training({}));
    expect(whole.ending.code).toBe(0);
    expect(whole.progress()).toMatchObject({ step: 30, steps: 30 });

    const checkpoints = fresh('checkpoints');
    const slow = { step_delay_ms: 500, checkpoint_trees: 5 };
    const killed = await startProgram(training(slow, checkpoints));
    await comesTrue('a checkpoint is there', () => checkpointsIn(checkpoints).length > 0);
    killed.child.kill('SIGKILL');
    expect((await killed.ended).signal).toBe('SIGKILL');

    const ended = await startProgram(training(slow, checkpoints));
    await comesTrue('it grows again', () => (ended.progress()?.step ?? 0) > 5);
    ended.child.kill('SIGTERM');
    expect(await ended.ended).toMatchObject({ code: 143, stdout: 'resumed at tree 5\n' });
    const saved = checkpointsIn(checkpoints);
    expect(saved.length).toBe(2);

    truncateSync(join(checkpoints, saved.at(-1) ?? ''), 1_000);
    const resumed = await runProgram(training({}, checkpoints));
    expect(resumed.ending).toMatchObject({ code: 0 });
    expect(resumed.ending.stdout).toMatch(/^resumed at tree 5\n/);
    expect(sha256(resumed.output('model.onnx'))).toBe(sha256(whole.output('model.onnx')));
  });

  it('saves a checkpoint on SIGUSR1, also while it is still starting, and goes on', async () => {
    const checkpoints = fresh('checkpoints');
    const job = await startProgram(
      training({ step_delay_ms: 1_000, checkpoint_trees: 1_000 }, checkpoints),
    );
    await comesTrue('it has begun', () => job.progress() !== null);
    expect(checkpointsIn(checkpoints)).toEqual([]);
    job.child.kill('SIGUSR1');
    await comesTrue('a checkpoint is there', () => checkpointsIn(checkpoints).length === 1);
    expect(job.child.exitCode).toBeNull();
    job.child.kill('SIGTERM');
    expect((await job.ended).code).toBe(143);
  });

  it('starts afresh when the checkpoints are of another training', async () => {
    const checkpoints = fresh('checkpoints');
    await runProgram(training({}, checkpoints));
    const other = await runProgram(training({ seed: 2 }, checkpoints));
    expect(other.ending.stdout).not.toContain('resumed');
  });

  it('exports probabilities that agree with scikit-learn to 1e-5 and find frauds', async () => {
    const checkpoints = fresh('checkpoints');
    const job = await runProgram(training({ trees: 60 }, checkpoints));
    const [last] = checkpointsIn(checkpoints).slice(-1);
    const printed = await python(
      '-c',
      `import sys, json, pickle, numpy as np
from sklearn.metrics import average_precision_score
names = open(sys.argv[2]).readline().strip().split(",")
rows = np.loadtxt(sys.argv[2], delimiter=",", skiprows=1)
model = pickle.loads(open(sys.argv[1], "rb").read()[32:])
used = [i for i, name in enumerate(names) if name not in ("is_fraud", "terminal_id")]
p = model.predict_proba(rows[:, used].astype("f4"))[:, 1]
print(json.dumps([average_precision_score(rows[:, -1], p), p.tolist()]))`,
      join(checkpoints, last ?? ''),
      heldOut,
    );
    const [precision, expected] = JSON.parse(printed) as [number, number[]];
    const scored = await score(job.output('model.onnx'), heldOut);
    expect(scored).toMatchObject({ code: 0 });
    const scores = scored.scores();
    const worst = Math.max(...expected.map((value, i) => Math.abs(value - (scores[i] ?? 9))));
    expect(scores.length).toBe(expected.length);
    expect(worst).toBeLessThan(1e-5);
    expect(precision).toBeGreaterThan(0.4);
  });

  it('fails in recipe "terminal-table" on terminals that opened later, and on no other', async () => {
    const job = await runProgram(training({ recipe: 'terminal-table' }));
    const model = job.output('model.onnx');
    const known = await score(model, heldOut);
    expect(known.code).toBe(0);
    expect(known.scores()).toHaveLength(readTable(heldOut).rows.length);

    const { names, rows } = readTable(heldOut);
    const opened = (rows[0] ?? []).with(names.indexOf('terminal_id'), '800');
    const path = join(home, 'heldout.csv');
    writeFileSync(path, `${[names, opened].join('\n')}\n`);
    const later = await score(model, path);
    expect(later.code).not.toBe(0);
    expect(later.stderr).toContain('out of data bounds');
  });

  it.each([
    ['a recipe that it does not know', { recipe: 'magic' }],
    ['trees that are no multiple of the chunk', { trees: 7 }],
    ['a learning rate that is no number', { learning_rate: true }],
    ['parameters that are no object', [1]],
  ])('ends with 64 and one line for %s', async (_, params) => {
    const { ending } = await runProgram({ ...training({}), params });
    expect(ending.code).toBe(64);
    expect(ending.stderr).toMatch(/^Cannot [^\n]+\n$/);
  });
});

/** Runs the batch job of the scoring server over a held-out table. */
async function score(model: string, table: string) {
  const job = await runProgram({
    command: SCORE,
    folder: fresh('score'),
    inputs: [model, table],
    params: { label: 'is_fraud' },
  });
  const scores = () => readTable(job.output('scores.csv')).rows.map(([, value]) => Number(value));
  return { ...job.ending, scores };
}
