import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { chmodSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { readRecord } from '../../backends/local/agent/process-folder.ts';
import type { ChildRecord } from '../../backends/local/agent/process-folder.ts';
import { isAlive } from '../../backends/local/agent/identity.ts';
import type { ProcessIdentity } from '../../backends/local/agent/identity.ts';
import { createArtifacts } from '../../backends/local/artifacts.ts';
import { contentPath } from '../../backends/local/content-store.ts';
import { aHome, endedReading, intentOf, sh, until } from '../support/local-home.ts';
import type { Home } from '../support/local-home.ts';

/** Real processes are slow on a loaded machine. */
jest.setTimeout(60_000);

let home: Home;
beforeAll(async () => {
  home = await aHome();
});
afterAll(() => home.close());

const folderOf = (key: string) => join(home.path, 'jobs', key);
const started = (key: string) => existsSync(join(folderOf(key), 'ready')) && childOf(key) !== null;
const childOf = (key: string) => readRecord<ChildRecord>(folderOf(key), 'child.json');
const wrapperOf = (key: string) => readRecord<ProcessIdentity>(folderOf(key), 'wrapper.json');

describe('a job', () => {
  it('gets its inputs, parameters and folders, and its outputs go into the store', async () => {
    const artifacts = createArtifacts({ home: home.path });
    const input = await artifacts.put(Buffer.from('some rows\n'));
    const intent = intentOf('jgets', { inputs: { 'data.csv': input }, outputs: ['out.txt'] });
    const script =
      'cat "$ORRERY_INPUT_DIR/data.csv" "$ORRERY_PARAMS_FILE" > "$ORRERY_OUTPUT_DIR/out.txt"; echo "$ORRERY_JOB_KEY $ORRERY_GRACE_SECONDS" >> "$ORRERY_OUTPUT_DIR/out.txt"';
    const start = await home.agent.startJob(intent, sh(script));
    expect(start).toEqual({ handle: { key: 'jgets', remoteId: 'jgets' }, outcome: 'created' });
    const reading = await endedReading(home.agent, 'jgets');
    expect(reading).toMatchObject({ phase: 'succeeded', exit: { code: 0, signal: null } });
    const out = await artifacts.read(reading.outputs['out.txt']!);
    expect(Buffer.from(out).toString()).toBe('some rows\n{"seed":7}jgets 1\n');
  });

  it('does not see variables of the environment that are not meant for it', async () => {
    await home.agent.startJob(
      intentOf('jenv', { outputs: ['env'] }),
      sh('env > "$ORRERY_OUTPUT_DIR/env"'),
    );
    const reading = await endedReading(home.agent, 'jenv');
    const text = Buffer.from(
      await createArtifacts({ home: home.path }).read(reading.outputs['env']!),
    ).toString();
    expect(text).toContain('ORRERY_PROGRESS_FILE=');
    expect(text).not.toContain('NODE_OPTIONS');
    expect(text).not.toContain('NODE_COMPILE_CACHE');
    expect(text).not.toContain('ORRERY_CHECKPOINT_DIR');
  });

  it('tells its progress to a reader that waits, with a growing revision', async () => {
    const step = (n: number) =>
      `printf '{"step":${n},"steps":2,"message":"half","metrics":{"score":0.5,"no":"number"}}' > "$ORRERY_PROGRESS_FILE.new"; mv "$ORRERY_PROGRESS_FILE.new" "$ORRERY_PROGRESS_FILE"`;
    // The second step waits for a file, so that no step can be missed.
    const script = `${step(1)}; while [ ! -e go ]; do sleep 0.02; done; ${step(2)}; sleep 60`;
    await home.agent.startJob(intentOf('jprogress'), sh(script));
    const first = await home.agent.readJob('jprogress', { since: 2, waitMs: 10_000 });
    const seen = first.progress === null ? await readPast('jprogress', first.revision) : first;
    expect(seen.progress).toEqual({
      step: 1,
      steps: 2,
      message: 'half',
      metrics: { score: 0.5 },
    });
    await home.write(join('jobs', 'jprogress', 'go'), '');
    const second = await readPast('jprogress', seen.revision);
    expect(second.progress?.step).toBe(2);
    expect(second.revision).toBeGreaterThan(seen.revision);
    const stopped = await home.agent.stopJob('jprogress');
    expect(stopped.revision).toBeGreaterThan(second.revision);
  });

  it('fails with its exit code and the end of its log', async () => {
    await home.agent.startJob(
      intentOf('jfails'),
      sh('echo "column amount is missing" >&2; exit 64'),
    );
    const reading = await endedReading(home.agent, 'jfails');
    expect(reading).toMatchObject({ phase: 'failed', exit: { code: 64, signal: null } });
    expect(reading.reason).toContain('exit code 64');
    expect(reading.reason).toContain('column amount is missing');
    expect(readFileSync(reading.logUri, 'utf8')).toContain('column amount is missing');
  });

  it('fails when a declared output is missing', async () => {
    await home.agent.startJob(intentOf('jmissing', { outputs: ['model.onnx'] }), sh('exit 0'));
    const reading = await endedReading(home.agent, 'jmissing');
    expect(reading).toMatchObject({ phase: 'failed', exit: { code: 0 } });
    expect(reading.reason).toContain('JOB_OUTPUT_MISSING');
    expect(reading.reason).toContain('model.onnx');
  });

  it('fails at its limit', async () => {
    await home.agent.startJob(intentOf('jlimit', { timeoutSeconds: 0.3 }), sh('sleep 60'));
    const reading = await endedReading(home.agent, 'jlimit');
    expect(reading).toMatchObject({ phase: 'failed', exit: { signal: 'SIGTERM' } });
    expect(reading.reason).toContain('limit of 0.3 s');
  });

  it('takes what it left running with it', async () => {
    const script = 'setsid sleep 77 & echo $! > "$ORRERY_OUTPUT_DIR/pid"; sleep 0.2';
    await home.agent.startJob(intentOf('jstray', { outputs: ['pid'] }), sh(script));
    const reading = await endedReading(home.agent, 'jstray');
    const pid = Buffer.from(
      await createArtifacts({ home: home.path }).read(reading.outputs['pid']!),
    ).toString();
    await until(() => !existsSync(`/proc/${pid.trim()}`));
  });

  it('that nobody started reads as lost', async () => {
    expect(await home.agent.readJob('jnobody')).toMatchObject({ phase: 'lost', exit: null });
    expect(await home.agent.stopJob('jnobody')).toMatchObject({ phase: 'lost' });
  });
});

describe('starting', () => {
  it('of one key at the same time runs the program once', async () => {
    const intent = intentOf('jonce', { outputs: ['runs'] });
    const counter = join(home.path, 'runs');
    const script = `echo run >> ${counter}; cp ${counter} "$ORRERY_OUTPUT_DIR/runs"`;
    const starts = await Promise.all(
      Array.from({ length: 8 }, () => home.agent.startJob(intent, sh(script))),
    );
    expect(starts.filter(({ outcome }) => outcome === 'created')).toHaveLength(1);
    expect(starts.filter(({ outcome }) => outcome === 'adopted')).toHaveLength(7);
    expect(await endedReading(home.agent, 'jonce')).toMatchObject({ phase: 'succeeded' });
    expect(readFileSync(counter, 'utf8')).toBe('run\n');
    expect(await home.agent.startJob(intent, sh(script))).toMatchObject({ outcome: 'adopted' });
  });

  it('of a key whose job is dead says so', async () => {
    const intent = intentOf('jdead');
    await home.agent.startJob(intent, sh('exit 1'));
    await endedReading(home.agent, 'jdead');
    expect(await home.agent.startJob(intent, sh('exit 1'))).toMatchObject({ outcome: 'dead' });
  });

  it('of a key that holds another spec is NAME_TAKEN', async () => {
    const intent = intentOf('jtaken');
    await home.agent.startJob(intent, sh('exit 0'));
    await expect(
      home.agent.startJob({ ...intent, specDigest: 'another' }, sh('exit 0')),
    ).rejects.toMatchObject({ code: 'NAME_TAKEN' });
  });

  it('of a program that is not there is TOOL_MISSING and leaves nothing behind', async () => {
    await expect(
      home.agent.startJob(intentOf('jtool'), ['/nowhere/program']),
    ).rejects.toMatchObject({ code: 'TOOL_MISSING' });
    expect(existsSync(folderOf('jtool'))).toBe(false);
  });

  it('with an input whose bytes were damaged is ARTIFACT_CORRUPT', async () => {
    const input = await createArtifacts({ home: home.path }).put(Buffer.from('to be damaged'));
    const path = contentPath(home.path, input.sha256);
    chmodSync(path, 0o644);
    truncateSync(path, 3);
    await expect(
      home.agent.startJob(intentOf('jcorrupt', { inputs: { a: input } }), sh('exit 0')),
    ).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    expect(existsSync(folderOf('jcorrupt'))).toBe(false);
  });

  it('with a name that leaves its folder is refused', async () => {
    await expect(
      home.agent.startJob(intentOf('jescape', { outputs: ['../../x'] }), sh('exit 0')),
    ).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    await expect(home.agent.readJob('../keys')).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });
});

describe('stopping', () => {
  it('returns cancelled only after the program is gone, with its checkpoint saved', async () => {
    const script =
      'trap \'echo saved > "$ORRERY_CHECKPOINT_DIR/at"; exit 143\' TERM; touch ready; while :; do sleep 0.02; done';
    await home.agent.startJob(intentOf('jstop', { checkpointScope: 'cstop' }), sh(script));
    await until(() => started('jstop'));
    const child = childOf('jstop')!.identity;
    const reading = await home.agent.stopJob('jstop');
    expect(isAlive(child)).toBe(false);
    expect(reading).toMatchObject({ phase: 'cancelled', exit: { code: 143, signal: null } });
    expect(existsSync(join(home.path, 'checkpoints', 'cstop', 'at'))).toBe(true);
    expect(await home.agent.stopJob('jstop')).toEqual(reading);
  });

  it('kills a program that ignores SIGTERM after its grace', async () => {
    await home.agent.startJob(
      intentOf('jdeaf', { graceSeconds: 0.2 }),
      sh("trap '' TERM; touch ready; while :; do sleep 0.02; done"),
    );
    await until(() => started('jdeaf'));
    const reading = await home.agent.stopJob('jdeaf');
    expect(reading).toMatchObject({ phase: 'cancelled', exit: { code: null, signal: 'SIGKILL' } });
  });

  it('right after starting ends the job too', async () => {
    await home.agent.startJob(intentOf('jearly'), sh('sleep 60'));
    expect(await home.agent.stopJob('jearly')).toMatchObject({ phase: 'cancelled' });
  });

  it('a job that succeeds meanwhile reads as succeeded', async () => {
    await home.agent.startJob(
      intentOf('jlate', { outputs: ['o'] }),
      sh(
        'trap \'echo o > "$ORRERY_OUTPUT_DIR/o"; exit 0\' TERM; touch ready; while :; do sleep 0.02; done',
      ),
    );
    await until(() => started('jlate'));
    expect(await home.agent.stopJob('jlate')).toMatchObject({ phase: 'succeeded' });
  });
});

describe('what is killed', () => {
  it('a program killed with -9 fails with its signal, and the next attempt resumes from the checkpoint', async () => {
    const script =
      'at=$(cat "$ORRERY_CHECKPOINT_DIR/at" 2>/dev/null || echo 0); trap \'echo 5 > "$ORRERY_CHECKPOINT_DIR/new"; mv "$ORRERY_CHECKPOINT_DIR/new" "$ORRERY_CHECKPOINT_DIR/at"\' USR1; touch ready; [ $at = 5 ] && echo "from $at" > "$ORRERY_OUTPUT_DIR/o" && exit 0; while :; do sleep 0.02; done';
    const spec = { checkpointScope: 'cresume', outputs: ['o'] };
    await home.agent.startJob(intentOf('jfirst', spec), sh(script));
    await until(() => started('jfirst'));
    await home.agent.checkpointJob('jfirst');
    await until(() => existsSync(join(home.path, 'checkpoints', 'cresume', 'at')));
    process.kill(childOf('jfirst')!.identity.pid, 'SIGKILL');
    expect(await endedReading(home.agent, 'jfirst')).toMatchObject({
      phase: 'failed',
      exit: { code: null, signal: 'SIGKILL' },
    });
    await home.agent.startJob(intentOf('jsecond', spec), sh(script));
    expect(await endedReading(home.agent, 'jsecond')).toMatchObject({ phase: 'succeeded' });
  });

  it('a wrapper killed with -9 loses its job, whose program is ended', async () => {
    await home.agent.startJob(intentOf('jorphan', { graceSeconds: 0.2 }), sh('sleep 60'));
    await until(() => childOf('jorphan') !== null);
    const child = childOf('jorphan')!.identity;
    process.kill(wrapperOf('jorphan')!.pid, 'SIGKILL');
    const reading = await endedReading(home.agent, 'jorphan');
    expect(reading).toMatchObject({ phase: 'lost', exit: null });
    expect(isAlive(child)).toBe(false);
  });
});

async function readPast(key: string, since: number) {
  return home.agent.readJob(key, { since, waitMs: 10_000 });
}
