/**
 * The public contract of the workflows: task queues, workflow types, message names and argument
 * types, search attributes. The wire name of a message is its key here.
 */

/** Task queue = trust zone, the same word as the worker file. */
export const TASK_QUEUES = {
  /** Workflows; no credentials. */
  orchestrate: 'orchestrate',
  /** Short API calls. */
  control: 'control',
  /** Long heartbeating activities. */
  watch: 'watch',
  /** CPU-heavy work. */
  kernels: 'kernels',
} as const;
export type TaskQueue = keyof typeof TASK_QUEUES;

/** Function names of the workflows, which are their wire types and are never renamed. */
export const WORKFLOW_TYPES = [
  'runLifecycle',
  'trainModel',
  'rolloutRegion',
  'retrainModel',
  'operateBackend',
  'runPipeline',
  'tuneModel',
] as const;
export type WorkflowType = (typeof WORKFLOW_TYPES)[number];

/** Orders of an operator: checked, answered. */
export const UPDATES = {
  approve: 'approve',
  pause: 'pause',
  resume: 'resume',
  rollback: 'rollback',
} as const;
/** Facts from machines, and orders that a lifecycle passes to its rollouts. */
export const SIGNALS = {
  reportIncident: 'reportIncident',
  orderRollout: 'orderRollout',
} as const;
export const QUERIES = { status: 'status' } as const;

/** Argument of the Updates `pause`, `resume` and `rollback`. */
export interface Order {
  /** Who gives the order. */
  readonly by: string;
  readonly reason: string;
}
export interface OrderAnswer {
  readonly accepted: true;
  /** What follows from it. */
  readonly effect: string;
}
/** Argument of the Signal `reportIncident`: a running rollout is taken back. */
export interface Incident {
  /** Null for every region. */
  readonly region: string | null;
  readonly description: string;
}
/** Argument of the Signal `orderRollout`. */
export interface RolloutOrder extends Order {
  readonly order: 'pause' | 'resume' | 'rollback';
}

/** Custom search attributes; `orrery setup` registers them. */
export const SEARCH_ATTRIBUTES = {
  OrreryModel: 'Keyword',
  OrreryVersion: 'Keyword',
  OrreryRegion: 'Keyword',
  OrreryStage: 'Keyword',
  OrreryNeedsDecision: 'Bool',
  OrreryCostUsd: 'Double',
} as const;

/** Worker deployment under which every versioned worker registers. */
export const DEPLOYMENT_NAME = 'orrery';
