import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { SearchAttributePair } from '@temporalio/common';
import { upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';

const MODEL = defineSearchAttributeKey('OrreryModel', SearchAttributeType.KEYWORD);
const VERSION = defineSearchAttributeKey('OrreryVersion', SearchAttributeType.KEYWORD);
const REGION = defineSearchAttributeKey('OrreryRegion', SearchAttributeType.KEYWORD);
const STAGE = defineSearchAttributeKey('OrreryStage', SearchAttributeType.KEYWORD);
const NEEDS_DECISION = defineSearchAttributeKey('OrreryNeedsDecision', SearchAttributeType.BOOL);
const COST_USD = defineSearchAttributeKey('OrreryCostUsd', SearchAttributeType.DOUBLE);

/** The attributes that change with the stage: one upsert a stage, which is one Action. */
export function stageAttributes(values: {
  readonly stage: string;
  readonly needsDecision: boolean;
  readonly costUsd?: number;
}): SearchAttributePair[] {
  return [
    { key: STAGE, value: values.stage },
    { key: NEEDS_DECISION, value: values.needsDecision },
    ...(values.costUsd === undefined ? [] : [{ key: COST_USD, value: values.costUsd }]),
  ];
}

/** What a start from the Temporal CLI may lack; set at start it costs nothing. */
export function identityAttributes(identity: {
  readonly model: string;
  readonly version: string;
  readonly region?: string;
}): SearchAttributePair[] {
  return [
    { key: MODEL, value: identity.model },
    { key: VERSION, value: identity.version },
    ...(identity.region === undefined ? [] : [{ key: REGION, value: identity.region }]),
  ];
}

/** Upserts the identity unless the starter has set it. */
export function ensureIdentity(identity: {
  readonly model: string;
  readonly version: string;
}): void {
  if (workflowInfo().typedSearchAttributes.get(MODEL) !== undefined) return;
  upsertSearchAttributes(identityAttributes(identity));
}
