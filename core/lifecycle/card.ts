import { clipped, command, fitting, section } from '../card-text.ts';
import type { Detail } from '../card-text.ts';
import { lifecycleId, rolloutId } from '../ids.ts';
import type { RolloutState } from '../rollout/request.ts';
import { STAGES } from './state.ts';
import type { LifecycleState } from './state.ts';

/**
 * The markdown card of a run: stage, gates, traffic, cost, what it waits for and the command that
 * answers it. The Temporal UI, the console and `orrery lifecycle show` print the same text.
 * A card that would be too long tells less of each list, and always what the run waits for.
 */
export function lifecycleCard(state: LifecycleState): string {
  return fitting((detail) => lifecycleLines(state, detail));
}

function lifecycleLines(state: LifecycleState, detail: Detail): string[] {
  const position = STAGES.indexOf(state.stage) + 1;
  return [
    `## ${state.model} ${state.version}`,
    `**Stage** ${state.stage} (${position} of ${STAGES.length})${state.paused ? ' — **paused**' : ''}`,
    ...(state.outcome === null ? [] : [`**Outcome** ${state.outcome}`]),
    ...(state.reason === '' ? [] : [clipped(state.reason, detail)]),
    `**Cost** ${costText(state)}`,
    ...section(
      'Gates',
      state.gates.map((gate) => `${gate.passed ? '✔' : '✘'} ${gate.stage}: ${gate.reason}`),
      detail,
    ),
    ...section(
      'Traffic',
      state.rollouts.map(
        (rollout) =>
          `${rollout.region}: ${rollout.outcome}, ${rollout.weightPercent} % — ${rollout.reason}`,
      ),
      detail,
    ),
    ...waiting(state),
  ];
}

export function rolloutCard(model: string, version: string, state: RolloutState): string {
  return fitting((detail) => rolloutLines(model, version, state, detail));
}

function rolloutLines(
  model: string,
  version: string,
  state: RolloutState,
  detail: Detail,
): string[] {
  return [
    `## ${model} ${version} in ${state.region}`,
    `**Stage** ${state.stage}${state.paused ? ' — **paused**' : ''}, **traffic** ${state.weightPercent} % (steps ${state.stepsPercent.join(', ')})`,
    ...(state.champion === null ? [] : [`**Champion** ${state.champion}`]),
    ...(state.outcome === null ? [] : [`**Outcome** ${state.outcome}`]),
    ...(state.reason === '' ? [] : [clipped(state.reason, detail)]),
    ...section(
      'Steps',
      state.steps.map((step) => `${step.weightPercent} %: ${step.verdict} — ${step.reason}`),
      detail,
    ),
    ...section('Left over', state.leftovers, detail),
    ...(state.question === null
      ? []
      : [
          `**Waits for you**: ${clipped(state.question, detail)}`,
          command(`orrery lifecycle resume ${model} ${version}`),
          command(`orrery lifecycle rollback ${model} ${version} --reason "…"`),
        ]),
    `Rollout \`${rolloutId({ model, version, region: state.region })}\` of \`${lifecycleId({ model, version })}\``,
  ];
}

function waiting(state: LifecycleState): string[] {
  const name = `${state.model} ${state.version}`;
  if (state.approval !== null) {
    return [
      `**Waits for** an approval until ${state.approval.deadlineAt} of model \`${state.approval.modelSha256.slice(0, 12)}\` and report \`${state.approval.reportSha256.slice(0, 12)}\``,
      command(`orrery lifecycle approve ${name} --key <approver key>`),
    ];
  }
  if (state.paused) return ['**Waits for** a resume', command(`orrery lifecycle resume ${name}`)];
  return [];
}

function costText({ cost }: LifecycleState): string {
  const cap = cost.usdMax === null ? 'no cap' : `cap $${cost.usdMax.toFixed(2)}`;
  return `$${cost.usd.toFixed(4)} (${cap})`;
}
