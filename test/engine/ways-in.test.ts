/**
 * One installation, entered by the command, over HTTP and by the Temporal CLI: whichever way a run
 * was started, it is admitted the same, shows the same and takes the same orders. The outside is one
 * simulated world in this process, so that a life takes a second.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { serveWorld } from '../../backends/sim/remote.ts';
import { createWorld } from '../../backends/sim/world.ts';
import type { LifecycleState } from '../../core/lifecycle/state.ts';
import { SEARCH_ATTRIBUTES, TASK_QUEUES } from '../../core/messages.ts';
import { signApproval } from '../../kernels/evidence/approval.ts';
import { generateApproverKey } from '../../kernels/evidence/keys.ts';
import { localSettingsFor } from '../../workers/settings.ts';
import { anInstallation, succeeded, workersIn } from '../support/installation.ts';
import { until } from '../support/until.ts';
import { smallRequest } from './small-request.ts';
import type { SmallRequest } from './small-request.ts';

const START_MS_MAX = 120_000;

const grace = generateApproverKey();
const installation = anInstallation();
const { home, orrery, orreryJson, temporal } = installation;
const settings = join(home, 'two-worlds.json');
const graceKey = join(home, 'grace.pem');
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const world = createWorld({
    files: { table: { rows: 500, label: 'label' } },
    approvers: [{ name: 'grace', publicKey: grace.publicKey }],
  });
  const socket = join(home, 'world.sock');
  const served = await serveWorld(world, socket);
  closers.push(() => served.close());
  const { backends } = localSettingsFor(home);
  writeFileSync(settings, JSON.stringify({ backends: { ...backends, sim: { socket } } }));
  writeFileSync(graceKey, grace.privateKey, { mode: 0o600 });
  succeeded(await installation.up({ ORRERY_SETTINGS: settings }));
}, START_MS_MAX);

afterAll(async () => {
  await installation.remove();
  for (const close of closers) await close();
}, START_MS_MAX);

const queues = Object.keys(TASK_QUEUES);

const idOf = ({ model, version }: Pick<SmallRequest, 'model' | 'version'>) =>
  `lifecycle/${model}/${version}`;

function fileOf(name: string, value: unknown): string {
  const path = join(home, `${name}.json`);
  writeFileSync(path, JSON.stringify(value));
  return path;
}

/** Each way to start a run. */
const STARTS = {
  command: async (request: SmallRequest) => {
    const file = fileOf(request.model, request);
    return (await orreryJson<{ workflowId: string }>('lifecycle', 'start', '--request', file))
      .workflowId;
  },
  HTTP: async (request: SmallRequest) => {
    const answer = await post('/v1/lifecycles', request);
    expect(answer.status).toBe(201);
    return ((await answer.json()) as { workflowId: string }).workflowId;
  },
  'Temporal CLI': async (request: SmallRequest) => {
    const file = fileOf(request.model, request);
    const start = 'workflow start --type runLifecycle --task-queue orchestrate'.split(' ');
    await temporal(...start, '--workflow-id', idOf(request), '--input-file', file);
    return idOf(request);
  },
} as const;
const WAYS = Object.keys(STARTS) as (keyof typeof STARTS)[];

function post(path: string, body: unknown): Promise<Response> {
  return fetch(`${installation.record().apiUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** The `status` query, asked as anybody can who has the Temporal CLI. */
async function statusOf(workflowId: string, type = 'status'): Promise<unknown> {
  const query = ['workflow', 'query', '--workflow-id', workflowId, '--type', type];
  const asked = await temporal(...query, '-o', 'json');
  return (JSON.parse(asked) as { queryResult: readonly unknown[] }).queryResult[0];
}

/** Waits until a run shows what is wanted; a run that has not been admitted yet has no status. */
function when(
  workflowId: string,
  condition: string,
  wanted: (state: LifecycleState) => boolean,
): Promise<LifecycleState> {
  return until(`${workflowId} ${condition}`, async () => {
    const state = (await statusOf(workflowId).catch(() => null)) as LifecycleState | null;
    return state !== null && wanted(state) ? state : null;
  });
}
const waits = (id: string) =>
  when(id, 'waits for an approval', ({ approval }) => approval !== null);
const ends = (id: string) => when(id, 'ends', ({ outcome }) => outcome !== null);

async function started(request: SmallRequest, way: keyof typeof STARTS = 'HTTP'): Promise<string> {
  const id = await STARTS[way](request);
  await waits(id);
  return id;
}

function update(workflowId: string, name: string, input: unknown): Promise<string> {
  const execute = ['workflow', 'update', 'execute', '--workflow-id', workflowId, '--name', name];
  return temporal(...execute, '--input', JSON.stringify(input));
}

async function approve(workflowId: string): Promise<string> {
  const { approval } = await waits(workflowId);
  if (approval === null) throw new Error(`${workflowId} asks nothing`);
  const { modelSha256, reportSha256, nonce } = approval;
  const statement = { workflowId, modelSha256, reportSha256, nonce, reason: 'looks good' };
  const signed = signApproval(grace.privateKey, { ...statement, decision: 'approve' });
  return update(workflowId, 'approve', signed);
}

describe.each(WAYS)('A run that was started by %s', (way) => {
  const request = smallRequest(`by-${way.toLowerCase().replace(' ', '-')}`, 'v1');
  const id = idOf(request);

  test('is admitted with defaults for what its request leaves out', async () => {
    expect(await STARTS[way](request)).toBe(id);
    const { approval, cost } = await waits(id);
    // 72 hours are the default of `approval.deadlineHours`, which the request does not have.
    const hours = (Date.parse(approval?.deadlineAt ?? '') - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(71);
    expect(hours).toBeLessThanOrEqual(72);
    expect(cost).toMatchObject({ usdMax: null });
  });

  test('has its search attributes', async () => {
    const attributes = await until('the index knows the run waits', async () => {
      const list = await temporal(
        'workflow',
        'list',
        '-o',
        'json',
        '--query',
        `OrreryModel = "${request.model}" AND OrreryVersion = "v1" AND OrreryNeedsDecision = true`,
      );
      const [first] = JSON.parse(list) as {
        searchAttributes: { indexedFields: Record<string, unknown> };
      }[];
      return first?.searchAttributes.indexedFields ?? null;
    });
    // A lifecycle concerns every region of its request, so it has no OrreryRegion of its own.
    const { OrreryRegion: _, ...expected } = SEARCH_ATTRIBUTES;
    expect(Object.keys(attributes)).toEqual(expect.arrayContaining(Object.keys(expected)));
  });

  test('shows its card in the Temporal UI: stage, gates, cost, and the command that answers it', async () => {
    const metadata = (await statusOf(id, '__temporal_workflow_metadata')) as {
      currentDetails: string;
    };
    const card = metadata.currentDetails;
    expect(card).toContain(`## ${request.model} v1`);
    expect(card).toContain('**Stage** approve (6 of 8)');
    for (const gate of ['admit', 'data', 'train', 'evaluate', 'sign'])
      expect(card).toContain(`- ✔ ${gate}: `);
    expect(card).toMatch(/\*\*Cost\*\* \$\d+\.\d{4} \(no cap\)/);
    expect(card).toContain(`orrery lifecycle approve ${request.model} v1 --key`);
    const shown = succeeded(await orrery('lifecycle', 'show', request.model, 'v1')).stdout;
    expect(shown).toContain(card.trim());
  });

  test('is paused, resumed and approved by the Temporal CLI, and is released', async () => {
    const order = { by: 'grace', reason: 'lunch' };
    expect(await update(id, 'pause', order)).toContain('holds after approve');
    expect((await statusOf(id)) as LifecycleState).toMatchObject({ paused: true });
    expect(await approve(id)).toContain('the release begins');
    const held = await when(id, 'has its approval', ({ approval }) => approval === null);
    expect(held).toMatchObject({ paused: true, stage: 'approve', outcome: null });
    expect(await update(id, 'resume', order)).toContain('goes on');
    expect(await ends(id)).toMatchObject({ outcome: 'released' });
  });
});

describe('A start that is repeated', () => {
  test('is answered with the run that is there, however it is written', async () => {
    const request = smallRequest('twice', 'v1');
    const file = fileOf('twice', request);
    const start = ['lifecycle', 'start', '--request', file] as const;
    const first = await orreryJson<{ runId: string; started: boolean }>(...start);
    expect(first.started).toBe(true);
    const written = { ...request, approval: { deadlineHours: 72 }, costUsdMax: null };
    const second = await post('/v1/lifecycles', written);
    expect(second.status).toBe(200);
    expect(await second.json()).toMatchObject({ runId: first.runId, started: false });
  });

  test('is refused with ALREADY_RUNNING when it asks for something else', async () => {
    const other = smallRequest('twice', 'v1', { author: 'bob' });
    const refused = await orrery('lifecycle', 'start', '--request', fileOf('other', other));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /^error ALREADY_RUNNING: Cannot start lifecycle\/twice\/v1: .+\nnext: /,
    );
    const answer = await post('/v1/lifecycles', other);
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ code: 'ALREADY_RUNNING' });
  });

  test('leaves a run that its starter can cancel', async () => {
    succeeded(await orrery('lifecycle', 'cancel', 'twice', 'v1', '-y'));
    await when(
      idOf(smallRequest('twice', 'v1')),
      'is cancelled',
      ({ outcome }) => outcome === 'cancelled',
    );
  });
});

test('An incident that the Temporal CLI signals takes a running rollout back', async () => {
  const first = await started(smallRequest('incident', 'v1'));
  await approve(first);
  await ends(first);
  // More requests than the world sends in that time: the rollout asks a human and stays there.
  const judge = { requestsMin: 1_000_000, undecidedSecondsMax: 30 };
  const release = { regions: ['eu'], judge };
  const second = await started(smallRequest('incident', 'v2', { release }));
  await approve(second);
  await until('the rollout asks', async () => {
    const state = (await statusOf('rollout/incident/v2/eu').catch(() => null)) as {
      question: string | null;
    } | null;
    return state?.question ?? null;
  });
  const incident = { region: null, description: 'chargebacks doubled' };
  const signal = ['workflow', 'signal', '--workflow-id', second, '--name', 'reportIncident'];
  await temporal(...signal, '--input', JSON.stringify(incident));
  const state = await ends(second);
  expect(state.outcome).toBe('rolled-back');
  expect(state.reason).toContain('chargebacks doubled');
  expect(state.rollouts[0]).toMatchObject({ champion: 'v1', weightPercent: 0 });
});

test('A schedule that the Temporal CLI triggers retrains the model under a version of its own', async () => {
  const { version: _, ...lifecycle } = smallRequest('retrained', 'v1');
  const file = fileOf('retrain', { schemaVersion: 1, lifecycle });
  await orreryJson('schedule', 'create', '--request', file, '--cron', '0 3 * * 1');
  await temporal('schedule', 'trigger', '--schedule-id', 'retrain-retrained');
  const id = await until('the retraining waits for an approval', async () => {
    const query = 'OrreryModel = "retrained" AND OrreryNeedsDecision = true';
    const list = await temporal('workflow', 'list', '-o', 'json', '--query', query);
    const [first] = JSON.parse(list) as { execution: { workflowId: string } }[];
    return first?.execution.workflowId ?? null;
  });
  expect(id).toMatch(/^lifecycle\/retrained\/r\d{8}-\d{6}-[0-9a-f]{4}$/);
  await approve(id);
  expect(await ends(id)).toMatchObject({ outcome: 'released' });
});

test(
  'A run that waits while its workers are replaced by those of another build still finishes',
  async () => {
    const id = await started(smallRequest('replaced', 'v1'));
    const { buildId } = installation.record();
    const env = { ORRERY_SETTINGS: settings, TEMPORAL_WORKER_BUILD_ID: 'another-build' };
    const told = succeeded(await installation.up(env)).stdout;
    expect(installation.record().buildId).toBe('another-build');
    expect(told).toContain(`workers of build ${buildId} stay for `);
    await approve(id);
    expect(await ends(id)).toMatchObject({ outcome: 'released' });
    // New runs are pinned to the new build.
    const next = await started(smallRequest('replaced', 'v2'));
    const described = await temporal('workflow', 'describe', '--workflow-id', next, '-o', 'json');
    expect(described).toContain('another-build');
    await approve(next);
    expect(await ends(next)).toMatchObject({ outcome: 'released' });
    await until('every run of the first build has ended', async () => {
      const version = `TemporalWorkerDeploymentVersion = "orrery:${buildId}"`;
      const query = `ExecutionStatus = "Running" AND ${version}`;
      const count = await temporal('workflow', 'count', '--query', query);
      return count.trim() === 'Total: 0' ? true : null;
    });
    expect((await workersIn(home)).length).toBe(2 * queues.length);
    succeeded(await installation.up(env));
    expect(await workersIn(home)).toEqual(queues.map((queue) => `worker-${queue}`).sort());
  },
  START_MS_MAX,
);
