import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { jobScript } from '../../../backends/sagemaker/job-script.ts';
import type { ContainerFolders, ScriptedJob } from '../../../backends/sagemaker/job-script.ts';
import { until } from '../../support/until.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const table = 'id,label\n1,0\n';
const OUTPUT_URI = "s3://bucket/it's here/job/output/model";

/** The script that a container runs, run here in folders of its own. */
describe('jobScript', () => {
  let root: string;
  let folders: ContainerFolders;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'orrery-script-'));
    folders = {
      channels: join(root, 'input/data'),
      results: join(root, 'model'),
      failure: join(root, 'output/failure'),
      checkpoints: join(root, 'checkpoints'),
    };
    await mkdir(join(folders.channels, 'input-1'), { recursive: true });
    await writeFile(join(folders.channels, 'input-1', sha256(table)), table);
  });
  afterEach(() => rm(root, { recursive: true }));

  const jobOf = (more: Partial<ScriptedJob> = {}): ScriptedJob => ({
    key: 'j1',
    spec: {
      params: { rate: 0.5, deep: true, word: "it's" },
      inputs: {
        'table.csv': { uri: `s3://b/x/${sha256(table)}`, sha256: sha256(table), bytes: 1 },
      },
      outputs: ['model.onnx'],
      graceSeconds: 5,
    },
    folders,
    outputUri: OUTPUT_URI,
    checkpointUri: 's3://bucket/checkpoints/c1',
    tuned: null,
    ...more,
  });

  const run = async (program: string, job = jobOf(), env: Record<string, string> = {}) => {
    const script = join(root, 'run.sh');
    await writeFile(script, jobScript(job));
    const child = spawn('/bin/sh', [script, '/bin/sh', '-c', program], {
      env: { PATH: process.env['PATH'], TMPDIR: root, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
    return { child, ended: async () => ({ code: await ended, said }) };
  };
  const manifest = async () =>
    JSON.parse(await readFile(join(folders.results, 'outputs.json'), 'utf8')) as unknown;

  it('gives the program its inputs, parameters and folders, and tells its outputs', async () => {
    const program = `set -e
      cat "$ORRERY_INPUT_DIR/table.csv" > "$ORRERY_OUTPUT_DIR/model.onnx"
      cat "$ORRERY_PARAMS_FILE"
      echo "key $ORRERY_JOB_KEY, checkpoints $ORRERY_CHECKPOINT_DIR $ORRERY_CHECKPOINT_URI"
      echo dropped > "$ORRERY_OUTPUT_DIR/other"`;
    const { code, said } = await (await run(program)).ended();
    expect({ code, said }).toMatchObject({ code: 0 });
    expect(said).toContain(`{"rate":0.5,"deep":true,"word":"it's"}`);
    expect(said).toContain(`key j1, checkpoints ${folders.checkpoints} s3://bucket/checkpoints/c1`);
    expect(await manifest()).toEqual({
      outputs: {
        'model.onnx': {
          uri: `${OUTPUT_URI}/model.onnx`,
          sha256: sha256(table),
          bytes: table.length,
        },
      },
    });
    expect(await readFile(join(folders.results, 'model.onnx'), 'utf8')).toBe(table);
    expect(existsSync(join(folders.results, 'other'))).toBe(false);
  });

  it('tells the metrics that the program leaves', async () => {
    const program = `echo m > "$ORRERY_OUTPUT_DIR/model.onnx"
      echo '{"score": 0.25}' > "$ORRERY_OUTPUT_DIR/metrics.json"`;
    const { said } = await (await run(program)).ended();
    expect(await manifest()).toMatchObject({ metrics: { score: 0.25 } });
    expect(said).toMatch(/"score": ?0\.25/);
  });

  it('leaves a manifest alone that the program wrote itself', async () => {
    const own = '{"outputs":{"model.onnx":{"uri":"s3://b/k","sha256":"0","bytes":1}}}';
    const { code } = await (await run(`echo '${own}' > "$ORRERY_MANIFEST_FILE"`)).ended();
    expect(code).toBe(0);
    expect(await manifest()).toEqual(JSON.parse(own));
    expect(existsSync(join(folders.results, 'outputs.json.own'))).toBe(false);
  });

  it('ends as the program does, with the code and the last lines as the reason', async () => {
    const program = 'for i in 1 2 3 4 5 6 7 8 9; do echo "line $i"; done; exit 64';
    const { code } = await (await run(program)).ended();
    expect(code).toBe(64);
    const reason = await readFile(folders.failure, 'utf8');
    expect(reason).toMatch(/^exit code 64: line 2\n/);
    expect(reason).toContain('line 9');
    expect(existsSync(join(folders.results, 'outputs.json'))).toBe(false);
  });

  it('fails when a declared output is not there', async () => {
    const { code } = await (await run('true')).ended();
    expect(code).toBe(1);
    expect(await readFile(folders.failure, 'utf8')).toMatch(/^JOB_OUTPUT_MISSING: .*model\.onnx/);
  });

  it('starts no program on an input with another digest', async () => {
    await writeFile(join(folders.channels, 'input-1', sha256(table)), 'changed');
    const { code } = await (await run('echo started')).ended();
    expect(code).toBe(1);
    expect(await readFile(folders.failure, 'utf8')).toMatch(/input table\.csv has the digest/);
  });

  it('passes SIGTERM on and waits for the program to save', async () => {
    const flag = join(root, 'running');
    const program = `trap 'echo saved > "$ORRERY_CHECKPOINT_DIR/at"; exit 143' TERM
      mkdir -p "$ORRERY_CHECKPOINT_DIR"; : > '${flag}'
      while :; do sleep 0.05; done`;
    const { child, ended } = await run(program);
    await until('the program runs', async () => (existsSync(flag) ? true : null));
    child.kill('SIGTERM');
    expect((await ended()).code).toBe(143);
    expect(await readFile(join(folders.checkpoints!, 'at'), 'utf8')).toBe('saved\n');
  });

  it('gives numbers and switches of a search back their types', async () => {
    await mkdir(join(root, 'input/config'), { recursive: true });
    const told = '{"rate":"0.25","word":"7","deep":"true","kind": "a"}';
    await writeFile(join(root, 'input/config/hyperparameters.json'), told);
    const program = `cp "$ORRERY_PARAMS_FILE" "$ORRERY_OUTPUT_DIR/model.onnx"`;
    const job = jobOf({
      tuned: ['rate', 'deep'],
      outputUri: 's3://b/outputs/$TRAINING_JOB_NAME/output/model',
    });
    const { code } = await (await run(program, job, { TRAINING_JOB_NAME: 't-001' })).ended();
    expect(code).toBe(0);
    expect(JSON.parse(await readFile(join(folders.results, 'model.onnx'), 'utf8'))).toEqual({
      rate: 0.25,
      word: '7',
      deep: true,
      kind: 'a',
    });
    expect(JSON.stringify(await manifest())).toContain('s3://b/outputs/t-001/output/model/');
  });
});
