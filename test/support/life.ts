import { QueryNotRegisteredError, WorkflowNotFoundError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { WorldScript } from '../../backends/sim/settings.ts';
import type { ApprovalWanted, SignedApproval } from '../../core/evidence/approval.ts';
import { lifecycleId, rolloutId, trainingId } from '../../core/ids.ts';
import type { LifecycleRequest } from '../../core/lifecycle/request.ts';
import type { LifecycleResult, LifecycleState } from '../../core/lifecycle/state.ts';
import { QUERIES, SIGNALS, TASK_QUEUES, UPDATES } from '../../core/messages.ts';
import type { Incident, OrderAnswer } from '../../core/messages.ts';
import type { RolloutState } from '../../core/rollout/request.ts';
import { signApproval } from '../../kernels/evidence/approval.ts';
import { generateApproverKey } from '../../kernels/evidence/keys.ts';
import type { WorkflowEngine } from './workflow-engine.ts';
import { lifecycleRequest } from './lifecycle-request.ts';
import type { RequestChanges } from './lifecycle-request.ts';
import { until } from './until.ts';
import type { HeldWorld } from './worlds.ts';

/** The people of every world: grace approves, ada is the author of every version. */
export const KEYS = { grace: generateApproverKey(), ada: generateApproverKey() } as const;
/** A key that nobody is enrolled under. */
export const STRANGER_KEY = generateApproverKey();

/** What every world of these tests has; small tables keep a life under a second. */
const BASE_SCRIPT: WorldScript = {
  files: { data: { rows: 400, positiveShare: 0.1 } },
  heldOut: { rows: 400, positiveShare: 0.1 },
  jobSeconds: { prepare: 2, train: 20, score: 2 },
  approvers: Object.entries(KEYS).map(([name, { publicKey }]) => ({ name, publicKey })),
};

/** One model in a world of its own. */
export interface Scene extends HeldWorld {
  readonly model: string;
  request(version: string, changes?: Partial<RequestChanges>): LifecycleRequest;
  /** Starts a life and comes back at once. */
  start(version: string, changes?: Partial<RequestChanges>): Promise<Life>;
  /** Carries a first version to its release, so that it is the champion. */
  champion(version: string): Promise<LifecycleResult>;
}

export interface Life {
  readonly handle: WorkflowHandle;
  readonly ids: {
    readonly lifecycle: string;
    readonly training: string;
    rollout(region?: string): string;
  };
  status(): Promise<LifecycleState>;
  rolloutStatus(region?: string): Promise<RolloutState>;
  /** Waits until the status is as wanted. */
  when(condition: string, wanted: (state: LifecycleState) => boolean): Promise<LifecycleState>;
  whenRollout(condition: string, wanted: (state: RolloutState) => boolean): Promise<RolloutState>;
  /** Waits until the life asks for an approval. */
  question(): Promise<ApprovalWanted>;
  approve(changes?: ApprovalChanges): Promise<OrderAnswer>;
  order(order: 'pause' | 'resume' | 'rollback', reason?: string): Promise<OrderAnswer>;
  reportIncident(incident: Incident): Promise<void>;
  result(): Promise<LifecycleResult>;
  /** Waits for the run to fail and tells how; `cancelled` when it was cancelled. */
  failure(): Promise<Failure>;
}

export interface Failure {
  /** A code of the catalogue, or `cancelled`. */
  readonly code: string;
  readonly message: string;
}

export interface ApprovalChanges {
  readonly statement?: Partial<SignedApproval['statement']>;
  readonly key?: { readonly privateKey: string };
}

let scenes = 0;

/** @param script of the world, which may name the model of the scene */
export function createScene(
  { client, worlds }: WorkflowEngine,
  script: WorldScript | ((model: string) => WorldScript) = {},
): Scene {
  scenes += 1;
  const model = `model-${scenes}`;
  const own = typeof script === 'function' ? script(model) : script;
  const held = worlds.add(model, { ...BASE_SCRIPT, ...own });
  const request = (version: string, changes: Partial<RequestChanges> = {}) =>
    lifecycleRequest({ model, backend: model, version, ...changes });
  const start = async (version: string, changes: Partial<RequestChanges> = {}) => {
    const input = request(version, changes);
    const handle = await client.workflow.start('runLifecycle', {
      workflowId: lifecycleId(input),
      taskQueue: TASK_QUEUES.orchestrate,
      args: [input],
    });
    return createLife(client, handle, input);
  };
  return {
    ...held,
    model,
    request,
    start,
    champion: async (version) => {
      const life = await start(version, { release: { bakeSeconds: 0 } });
      await life.approve();
      return life.result();
    },
  };
}

export function createLife(
  client: WorkflowEngine['client'],
  handle: WorkflowHandle,
  input: Pick<LifecycleRequest, 'model' | 'version'>,
): Life {
  const rollout = (region = 'eu') => rolloutId({ ...input, region });
  const status = () => handle.query<LifecycleState>(QUERIES.status);
  const rolloutStatus = (region?: string) =>
    client.workflow.getHandle(rollout(region)).query<RolloutState>(QUERIES.status);
  const when: Life['when'] = (condition, wanted) =>
    until(condition, async () => {
      const state = await ifStarted(status());
      return state !== null && wanted(state) ? state : null;
    });
  const question = async () => {
    const { approval } = await when('an approval is wanted', (state) => state.approval !== null);
    return approval as ApprovalWanted;
  };
  return {
    handle,
    ids: { lifecycle: lifecycleId(input), training: trainingId(input), rollout },
    status,
    rolloutStatus,
    when,
    whenRollout: (condition, wanted) =>
      until(condition, async () => {
        const state = await ifStarted(rolloutStatus());
        return state !== null && wanted(state) ? state : null;
      }),
    question,
    approve: async (changes = {}) =>
      handle.executeUpdate<OrderAnswer, [SignedApproval]>(UPDATES.approve, {
        args: [approvalOf(await question(), changes)],
      }),
    order: (order, reason = 'a test orders it') =>
      handle.executeUpdate<OrderAnswer, [object]>(UPDATES[order], {
        args: [{ by: 'grace', reason }],
      }),
    reportIncident: (incident) => handle.signal(SIGNALS.reportIncident, incident),
    result: () => handle.result() as Promise<LifecycleResult>,
    failure: () => failureOf(handle.result()),
  };
}

/** Null for a child that its parent has not started yet, or that has not been admitted yet. */
async function ifStarted<State>(status: Promise<State>): Promise<State | null> {
  try {
    return await status;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError || error instanceof QueryNotRegisteredError)
      return null;
    throw error;
  }
}

/** How something failed: the innermost failure that Temporal tells, for runs and updates alike. */
export async function failureOf(result: Promise<unknown>): Promise<Failure> {
  try {
    await result;
  } catch (error) {
    let root = error;
    while (root instanceof Error && root.cause instanceof Error) root = root.cause;
    if (root instanceof CancelledFailure) return { code: 'cancelled', message: root.message };
    if (root instanceof ApplicationFailure) return { code: root.type ?? '', message: root.message };
    throw error;
  }
  throw new Error('Cannot tell how it failed: it succeeded');
}

export function approvalOf(
  { workflowId, modelSha256, reportSha256, nonce }: ApprovalWanted,
  { statement, key = KEYS.grace }: ApprovalChanges = {},
): SignedApproval {
  return signApproval(key.privateKey, {
    workflowId,
    modelSha256,
    reportSha256,
    nonce,
    decision: 'approve',
    reason: 'looks good',
    ...statement,
  });
}
