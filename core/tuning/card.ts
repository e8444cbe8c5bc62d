import { clipped, fitting, section } from '../card-text.ts';
import type { TrialSummary, TuningState } from './request.ts';

/** The markdown card of a search. */
export function tuningCard(state: TuningState): string {
  const ended = state.trials.filter(({ phase }) => phase !== 'running' && phase !== 'pending');
  return fitting((detail) => [
    `## ${state.model} ${state.version}: search ${state.name}`,
    `**Stage** ${state.stage}${state.backend === null ? '' : ` on ${state.backend}`}, ${ended.length} of at most ${state.trialsMax} trials over`,
    ...(state.outcome === null ? [] : [`**Outcome** ${state.outcome}`]),
    ...(state.reason === '' ? [] : [clipped(state.reason, detail)]),
    ...(state.logUri === '' ? [] : [`**Search** ${clipped(state.logUri, detail)}`]),
    ...(state.best === null ? [] : [`**Best** ${clipped(trialText(state.best), detail)}`]),
    ...section('Trials', state.trials.map(trialText), detail),
    ...section(
      'Setbacks',
      state.setbacks.map(({ backend, code, reason }) => `${backend}: ${code} — ${reason}`),
      detail,
    ),
  ]);
}

function trialText({ name, phase, value, params, reason }: TrialSummary): string {
  const point = Object.entries(params).map(([key, chosen]) => `${key} ${chosen}`);
  const told = value === null ? reason : String(value);
  return `${name}: ${phase}${told === '' ? '' : `, ${told}`} (${point.join(', ')})`;
}
