/** `make demo` as a newcomer sees it: one process, its output, and nothing left behind. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PROJECT_ROOT } from '../../workers/home.ts';
import { processesOf } from '../support/installation.ts';
import { temporalProgram } from '../support/tools.ts';

/** Longer than the demo takes on a slow machine under load. */
const DEMO_MS_MAX = 400_000;
/** A whole life costs at most this many billable Actions. */
const ACTIONS_MAX = 150;

const home = mkdtempSync(join(tmpdir(), 'od-'));
let output = '';
let code: number | null = null;

beforeAll(async () => {
  symlinkSync(dirname(dirname(temporalProgram())), join(home, 'venv'));
  const demo = spawn(
    join(PROJECT_ROOT, 'node_modules', '.bin', 'node'),
    [join(PROJECT_ROOT, 'examples', 'fraud', 'demo.ts')],
    {
      env: {
        PATH: process.env['PATH'],
        ORRERY_HOME: home,
        ORRERY_PORTS: 'free',
        NODE_NO_WARNINGS: '1',
      },
    },
  );
  for (const stream of [demo.stdout, demo.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  code = await new Promise((resolve) => demo.once('close', resolve));
}, DEMO_MS_MAX);

afterAll(() => {
  process.stdout.write(`${/the demo took .*/.exec(output)?.[0] ?? output}\n`);
  rmSync(home, { recursive: true, force: true });
});

test('the demo succeeds', () => {
  expect(code === 0 ? 0 : output).toBe(0);
});

test('its first version is killed in training and resumes', () => {
  expect(output).toMatch(/v1 {2}kill -9 of the trainer, process \d+/);
  expect(output).toMatch(/train [\d.]+ s in 2 attempts \(ended by SIGKILL\)/);
});

test('its second version is compared with the champion and climbs to all of the traffic', () => {
  expect(output).toMatch(/average precision [\d.]+ \[.*\] against v1 .*; difference/);
  for (const percent of [1, 5, 20, 50])
    expect(output).toContain(`${percent} % advance: no harm in`);
  expect(output).toMatch(/v2 +released/);
});

test('its third version is condemned, and Envoy gives it no traffic', () => {
  expect(output).toMatch(/v3 +rolled-back/);
  expect(output).toContain('live weight of v3 read back from Envoy: 0 %');
});

test('its schedule is created, triggered, listed and paused', () => {
  expect(output).toContain('Created retrain-fraud');
  expect(output).toContain('retrain-fraud: trigger done');
  expect(output).toMatch(/retrain-fraud +active/);
  expect(output).toContain('retrain-fraud: pause done');
});

test(`each of its lives costs at most ${ACTIONS_MAX} Actions`, () => {
  const actions = [...output.matchAll(/^v\d +(?:released|rolled-back) +\$[\d.]+ +(\d+)/gm)].map(
    ([, count]) => Number(count),
  );
  expect(actions).toHaveLength(3);
  expect(Math.max(...actions)).toBeLessThanOrEqual(ACTIONS_MAX);
});

test('no customer gets an error from a healthy version', () => {
  expect(output).toMatch(/fraud\/v1 +200: \d+$/m);
  expect(output).toMatch(/fraud\/v2 +200: \d+$/m);
});

test('it leaves nothing running', () => {
  expect(processesOf(home)).toEqual([]);
});
