import { clipped, fitting, section } from '../card-text.ts';
import type { PipelineState } from './request.ts';

/** The markdown card of a pipeline run. */
export function pipelineCard(state: PipelineState): string {
  return fitting((detail) => [
    `## ${state.pipeline} for ${state.model} ${state.version} (${state.name})`,
    `**Stage** ${state.stage}${state.backend === null ? '' : ` on ${state.backend}, attempt ${state.attempt}`}`,
    ...(state.outcome === null ? [] : [`**Outcome** ${state.outcome}`]),
    ...(state.reason === '' ? [] : [clipped(state.reason, detail)]),
    ...(state.logUri === '' ? [] : [`**Run** ${clipped(state.logUri, detail)}`]),
    ...(state.costUsd === null ? [] : [`**Cost** $${state.costUsd.toFixed(4)}`]),
    ...section(
      'Tasks',
      state.tasks.map(({ name, phase, reason }) => `${name}: ${phase} — ${reason}`),
      detail,
    ),
    ...section(
      'Setbacks',
      state.setbacks.map(({ backend, code, reason }) => `${backend}: ${code} — ${reason}`),
      detail,
    ),
  ]);
}
