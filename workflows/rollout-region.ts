import { claimFact, demoteFact, promoteFact, unclaimFact } from '../core/release/fact.ts';
import { nextMove, planRollout } from '../core/rollout/ladder.ts';
import type { RolloutPlan } from '../core/rollout/ladder.ts';
import type { RolloutRequest, RolloutResult } from '../core/rollout/request.ts';
import type { ServingFact } from '../core/ports/models.ts';
import { Compensations } from './compensations.ts';
import { fromRule, rootOf } from './failures.ts';
import { control } from './options.ts';
import { ownId, RegionRollout } from './region-rollout.ts';

/**
 * Takes one region from its champion to this version, or back: claim, deploy, climb the ladder,
 * promote, bake. The claim is given up, the traffic taken back and the server ended, however it ends.
 */
export async function rolloutRegion(input: RolloutRequest): Promise<RolloutResult> {
  const workflowId = ownId();
  const request = (await control.admit({
    workflow: 'rolloutRegion',
    workflowId,
    request: input,
  })) as RolloutRequest;
  const rollout = new RegionRollout(request);
  const compensations = new Compensations();
  try {
    const claimed = await claim(rollout, compensations);
    const plan = fromRule(() => planRollout(claimed, request.release.stepsPercent));
    await deploy(rollout, plan, compensations);
    const harm = await climb(rollout, plan);
    if (harm !== null) return await rollBack(rollout, claimed, compensations, harm);
    const promoted = await promote(rollout, claimed);
    const harmAfterwards = await bake(rollout);
    if (harmAfterwards !== null) {
      const demoted = await rollout.changeFact(promoted, demoteFact(claimed, claimant(rollout)));
      return await rollBack(rollout, demoted, compensations, harmAfterwards);
    }
    return await finish(rollout, promoted, plan, compensations);
  } catch (error) {
    const leftovers = await compensations.run();
    rollout.show({ reason: rootOf(error).message, leftovers });
    throw error;
  }
}

function claimant({ request }: RegionRollout) {
  return { version: request.version, owner: ownId() };
}

async function claim(rollout: RegionRollout, compensations: Compensations): Promise<ServingFact> {
  const fact = await rollout.readFact();
  const next = fromRule(() => claimFact(fact, claimant(rollout)));
  compensations.register('give up the claim', async () => {
    const now = await rollout.readFact();
    if (now.challenger?.owner !== ownId()) return;
    // Only our own promotion is undone: a champion that somebody else made meanwhile stays.
    const ours = now.champion === rollout.request.version;
    await rollout.changeFact(now, { ...unclaimFact(now), ...(ours ? before(fact) : {}) });
  });
  return rollout.changeFact(fact, next);
}

/** Whoever served before the claim serves again after a failure. */
function before({ champion, previous }: ServingFact) {
  return { champion, previous };
}

async function deploy(
  rollout: RegionRollout,
  plan: RolloutPlan,
  compensations: Compensations,
): Promise<void> {
  rollout.enter('deploy', {
    champion: plan.kind === 'canary' ? plan.stable : null,
    reason: plan.reason,
  });
  compensations.register('end the server', () => rollout.undeploy(rollout.request.version));
  if (plan.kind === 'canary') await rollout.deploy('stable', plan.stable);
  await rollout.deploy('canary', rollout.request.version);
  compensations.register('take the traffic back', () => rollout.takeTrafficBack());
}

/** Climbs to 100 %; the reason why not, when the version is condemned or ordered back. */
async function climb(rollout: RegionRollout, plan: RolloutPlan): Promise<string | null> {
  rollout.enter('canary');
  for (let step = 0; ;) {
    const weightPercent = plan.stepsPercent[step] ?? 100;
    await rollout.shift(weightPercent);
    // At 100 % there is nothing left to compare with: the bake judges what follows.
    if (weightPercent === 100) return null;
    const verdict = await rollout.judgeStep(rollout.request.release.judge, true);
    const move = nextMove(plan, step, verdict);
    if (move.kind === 'promote') return null;
    if (move.kind !== 'shift') return move.reason;
    step = move.step;
  }
}

async function promote(rollout: RegionRollout, claimed: ServingFact): Promise<ServingFact> {
  return rollout.changeFact(claimed, promoteFact(claimed, claimant(rollout)));
}

/** Watches the promoted version against the service objective, the one before it still warm. */
async function bake(rollout: RegionRollout): Promise<string | null> {
  const { bakeSeconds, judge } = rollout.request.release;
  rollout.enter('bake');
  if (bakeSeconds === 0) return null;
  const verdict = await rollout.judgeStep(
    { ...judge, requestsMin: 0, secondsMin: bakeSeconds },
    false,
  );
  return verdict.kind === 'condemn' ? verdict.reasons.join('; ') : null;
}

async function rollBack(
  rollout: RegionRollout,
  fact: ServingFact,
  compensations: Compensations,
  reason: string,
): Promise<RolloutResult> {
  rollout.enter('rollback', { reason });
  await rollout.takeTrafficBack();
  await rollout.undeploy(rollout.request.version);
  await rollout.changeFact(fact, unclaimFact(fact));
  return ended(rollout, compensations, 'rolled-back', fact.champion, reason);
}

/** From here on the release stands: what cannot be tidied up is told, and takes nothing back. */
async function finish(
  rollout: RegionRollout,
  fact: ServingFact,
  plan: RolloutPlan,
  compensations: Compensations,
): Promise<RolloutResult> {
  const { version } = rollout.request;
  const tidying = new Compensations();
  tidying.register('give up the claim', () => rollout.changeFact(fact, unclaimFact(fact)));
  if (plan.kind === 'canary')
    tidying.register('end the version before', () => rollout.retire(plan.stable));
  const leftovers = await tidying.run();
  const reason = [`${version} serves ${rollout.state.weightPercent} %`, ...leftovers].join('; ');
  return ended(rollout, compensations, 'promoted', version, reason);
}

function ended(
  rollout: RegionRollout,
  compensations: Compensations,
  outcome: RolloutResult['outcome'],
  champion: string | null,
  reason: string,
): RolloutResult {
  compensations.clear();
  rollout.enter('done', { outcome, champion, reason });
  const { region, weightPercent, steps } = rollout.state;
  return { outcome, region, champion, weightPercent, reason, steps };
}
