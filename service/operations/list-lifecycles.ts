import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { OrreryError } from '../../core/errors.ts';
import { NAME_PATTERN, parseLifecycleId } from '../../core/ids.ts';
import type { LifecycleId } from '../../core/ids.ts';
import { STAGES } from '../../core/lifecycle/state.ts';
import type { Stage } from '../../core/lifecycle/state.ts';
import type { WorkflowType } from '../../core/messages.ts';
import { askEngine } from '../engine-errors.ts';
import {
  COST_KEY,
  MODEL_KEY,
  NEEDS_DECISION_KEY,
  STAGE_KEY,
  VERSION_KEY,
} from './search-attributes.ts';

/** Most runs of one answer; 1–1000. */
export const LIST_LIMIT_MAX = 1000;
export const LIST_LIMIT_DEFAULT = 50;

export interface LifecycleFilter {
  readonly model?: string;
  readonly stage?: Stage;
  /** Only runs that wait for a human. */
  readonly needsDecision?: boolean;
  /** 1–1000, default 50. */
  readonly limit?: number;
}

export interface LifecycleSummary {
  readonly workflowId: string;
  readonly runId: string;
  /** Temporal's status, such as `RUNNING`. */
  readonly status: string;
  readonly model: string | null;
  readonly version: string | null;
  readonly stage: string | null;
  readonly needsDecision: boolean | null;
  readonly costUsd: number | null;
  /** ISO 8601 */
  readonly startedAt: string;
  readonly closedAt: string | null;
}

/** Newest first. `more` tells that the limit cut the list. */
export interface LifecycleList {
  readonly lifecycles: readonly LifecycleSummary[];
  readonly more: boolean;
}

/** @throws OrreryError REQUEST_INVALID, ENGINE_UNREACHABLE, SETTINGS_INVALID (`orrery setup` was not run) */
export async function listLifecycles(
  client: Client,
  filter: LifecycleFilter = {},
): Promise<LifecycleList> {
  const limit = filter.limit ?? LIST_LIMIT_DEFAULT;
  const query = visibilityQuery(filter);
  return askEngine(client, 'list the lifecycles', async () => {
    const lifecycles: LifecycleSummary[] = [];
    for await (const info of client.workflow.list({ query, pageSize: limit + 1 })) {
      if (lifecycles.length === limit) return { lifecycles, more: true };
      lifecycles.push(summaryOf(info));
    }
    return { lifecycles, more: false };
  });
}

/** Names are checked against their pattern, so nothing can leave the quotes. */
export function visibilityQuery({ model, stage, needsDecision, limit }: LifecycleFilter): string {
  if (model !== undefined && !NAME_PATTERN.test(model)) throw refused('model', model);
  if (stage !== undefined && !STAGES.includes(stage)) throw refused('stage', stage);
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1 && limit <= LIST_LIMIT_MAX)) {
    throw refused('limit', limit);
  }
  const type: WorkflowType = 'runLifecycle';
  return [
    `WorkflowType = '${type}'`,
    ...(model === undefined ? [] : [`OrreryModel = '${model}'`]),
    ...(stage === undefined ? [] : [`OrreryStage = '${stage}'`]),
    ...(needsDecision === undefined ? [] : [`OrreryNeedsDecision = ${needsDecision}`]),
  ].join(' AND ');
}

export function summaryOf(info: Omit<WorkflowExecutionInfo, 'raw'>): LifecycleSummary {
  const attributes = info.typedSearchAttributes;
  // A run that was started past our service has these attributes only from its first task on.
  const named = nameOf(info.workflowId);
  return {
    workflowId: info.workflowId,
    runId: info.runId,
    status: info.status.name,
    model: attributes.get(MODEL_KEY) ?? named?.model ?? null,
    version: attributes.get(VERSION_KEY) ?? named?.version ?? null,
    stage: attributes.get(STAGE_KEY) ?? null,
    needsDecision: attributes.get(NEEDS_DECISION_KEY) ?? null,
    costUsd: attributes.get(COST_KEY) ?? null,
    startedAt: info.startTime.toISOString(),
    closedAt: info.closeTime?.toISOString() ?? null,
  };
}

/** Null for a run under a foreign id, which the workflow itself refuses as ID_MISMATCH. */
function nameOf(workflowId: string): LifecycleId | null {
  try {
    return parseLifecycleId(workflowId);
  } catch {
    return null;
  }
}

function refused(member: string, value: unknown): OrreryError {
  return new OrreryError(
    'REQUEST_INVALID',
    `Cannot list by ${member} "${String(value)}": wanted a model name, one of the stages ${STAGES.join(', ')}, a limit of 1–${LIST_LIMIT_MAX}`,
  );
}
