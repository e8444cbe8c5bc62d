import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import type { LifecycleId } from '../../core/ids.ts';

export const MODEL_KEY = defineSearchAttributeKey('OrreryModel', 'KEYWORD');
export const VERSION_KEY = defineSearchAttributeKey('OrreryVersion', 'KEYWORD');
export const STAGE_KEY = defineSearchAttributeKey('OrreryStage', 'KEYWORD');
export const NEEDS_DECISION_KEY = defineSearchAttributeKey('OrreryNeedsDecision', 'BOOL');
export const COST_KEY = defineSearchAttributeKey('OrreryCostUsd', 'DOUBLE');

/** What is known at the start; workflows add the rest, stage by stage. */
export function attributesOf({ model, version }: LifecycleId): TypedSearchAttributes {
  return new TypedSearchAttributes([
    { key: MODEL_KEY, value: model },
    { key: VERSION_KEY, value: version },
  ]);
}
