import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { SignedApproval } from '../core/evidence/approval.ts';
import type { LifecycleState } from '../core/lifecycle/state.ts';
import { QUERIES, SIGNALS, UPDATES } from '../core/messages.ts';
import type { Incident, Order, OrderAnswer, RolloutOrder } from '../core/messages.ts';
import type { PipelineState } from '../core/pipeline/request.ts';
import type { RolloutState } from '../core/rollout/request.ts';
import type { TuningState } from '../core/tuning/request.ts';

export const approveUpdate = defineUpdate<OrderAnswer, [SignedApproval]>(UPDATES.approve);
export const pauseUpdate = defineUpdate<OrderAnswer, [Order]>(UPDATES.pause);
export const resumeUpdate = defineUpdate<OrderAnswer, [Order]>(UPDATES.resume);
export const rollbackUpdate = defineUpdate<OrderAnswer, [Order]>(UPDATES.rollback);

export const reportIncidentSignal = defineSignal<[Incident]>(SIGNALS.reportIncident);
export const orderRolloutSignal = defineSignal<[RolloutOrder]>(SIGNALS.orderRollout);

export const lifecycleStatusQuery = defineQuery<LifecycleState>(QUERIES.status);
export const rolloutStatusQuery = defineQuery<RolloutState>(QUERIES.status);
export const pipelineStatusQuery = defineQuery<PipelineState>(QUERIES.status);
export const tuningStatusQuery = defineQuery<TuningState>(QUERIES.status);
