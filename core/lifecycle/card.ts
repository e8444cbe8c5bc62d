import { lifecycleId, rolloutId } from '../ids.ts';
import type { RolloutState } from '../rollout/request.ts';
import { STAGES } from './state.ts';
import type { LifecycleState } from './state.ts';

/**
 * The markdown card of a run: stage, gates, traffic, cost, what it waits for and the command that
 * answers it. The Temporal UI, the console and `orrery lifecycle show` print the same text.
 * Temporal allows 20,000 bytes.
 */
export function lifecycleCard(state: LifecycleState): string {
  const position = STAGES.indexOf(state.stage) + 1;
  const lines = [
    `## ${state.model} ${state.version}`,
    `**Stage** ${state.stage} (${position} of ${STAGES.length})${state.paused ? ' — **paused**' : ''}`,
    ...(state.outcome === null ? [] : [`**Outcome** ${state.outcome}`]),
    ...(state.reason === '' ? [] : [state.reason]),
    `**Cost** ${costText(state)}`,
    ...section(
      'Gates',
      state.gates.map((gate) => `${gate.passed ? '✔' : '✘'} ${gate.stage}: ${gate.reason}`),
    ),
    ...section(
      'Traffic',
      state.rollouts.map(
        (rollout) =>
          `${rollout.region}: ${rollout.outcome}, ${rollout.weightPercent} % — ${rollout.reason}`,
      ),
    ),
    ...section('Left over', state.leftovers),
    ...waiting(state),
  ];
  return lines.join('\n\n');
}

export function rolloutCard(model: string, version: string, state: RolloutState): string {
  const lines = [
    `## ${model} ${version} in ${state.region}`,
    `**Stage** ${state.stage}${state.paused ? ' — **paused**' : ''}, **traffic** ${state.weightPercent} % (steps ${state.stepsPercent.join(', ')})`,
    ...(state.champion === null ? [] : [`**Champion** ${state.champion}`]),
    ...(state.outcome === null ? [] : [`**Outcome** ${state.outcome}`]),
    ...(state.reason === '' ? [] : [state.reason]),
    ...section(
      'Steps',
      state.steps.map((step) => `${step.weightPercent} %: ${step.verdict} — ${step.reason}`),
    ),
    ...(state.question === null
      ? []
      : [
          `**Waits for you**: ${state.question}`,
          command(`orrery lifecycle resume ${model} ${version}`),
          command(`orrery lifecycle rollback ${model} ${version} --reason "…"`),
        ]),
    `Rollout \`${rolloutId({ model, version, region: state.region })}\` of \`${lifecycleId({ model, version })}\``,
  ];
  return lines.join('\n\n');
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

function section(title: string, rows: readonly string[]): string[] {
  return rows.length === 0 ? [] : [`**${title}**\n${rows.map((row) => `- ${row}`).join('\n')}`];
}

function command(text: string): string {
  return `\`\`\`\n${text}\n\`\`\``;
}
