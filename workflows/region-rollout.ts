import {
  CancellationScope,
  condition,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Observation } from '../activities/metrics.ts';
import { backendFor } from '../core/backend.ts';
import { endpointKey, routeName } from '../core/ids.ts';
import { rolloutCard } from '../core/lifecycle/card.ts';
import { isRolloutOrder } from '../core/lifecycle/orders.ts';
import type { ModelVersion, ServingFact } from '../core/ports/models.ts';
import type { ArmSpec } from '../core/ports/traffic.ts';
import { addTick, judge, newJudge, nextStep } from '../core/rollout/judge.ts';
import type { JudgePolicy, JudgeState, Verdict } from '../core/rollout/judge.ts';
import type { RolloutRequest, RolloutState, StepSummary } from '../core/rollout/request.ts';
import { failure, isCancellation } from './failures.ts';
import { orderRolloutSignal, rolloutStatusQuery } from './messages.ts';
import { control, slowControl, watch } from './options.ts';
import { stageAttributes } from './search-attributes.ts';

/** A heartbeat must survive a slow reading of the counters. */
const HEARTBEAT_TIMEOUT_SECONDS_MIN = 3;
/** One observation may watch for so long; the workflow then asks again. */
const OBSERVE_SECONDS_MAX = 24 * 3600;

/**
 * The moving parts of a rollout in one region: what it shows, the orders it takes, and the one-line
 * steps of which `rolloutRegion` tells the story.
 *
 * Orders: `pause` holds the weights where they are until `resume`; `rollback` ends the climb at
 * once, also while paused or asking. All three survive a crash, since they are Signals in history.
 */
export class RegionRollout {
  readonly request: RolloutRequest;
  readonly route: string;
  state: RolloutState;
  #rollbackOrder: string | null = null;
  #evidence: JudgeState;
  #arms: { canary: ArmSpec | null; stable: ArmSpec | null } = { canary: null, stable: null };

  constructor(request: RolloutRequest) {
    const { region, release } = request;
    this.request = request;
    this.route = routeName(request);
    this.#evidence = newJudge(release.judge);
    this.state = {
      region,
      stage: 'admit',
      champion: null,
      weightPercent: 0,
      stepsPercent: release.stepsPercent,
      paused: false,
      question: null,
      steps: [],
      outcome: null,
      reason: '',
      leftovers: [],
    };
    setHandler(rolloutStatusQuery, () => this.state);
    setHandler(orderRolloutSignal, (value) => {
      if (!isRolloutOrder(value)) return;
      const { order, by, reason } = value;
      if (order === 'rollback') this.#rollbackOrder = `ordered by ${by}: ${reason}`;
      else
        this.show({ paused: order === 'pause', ...(order === 'resume' ? { question: null } : {}) });
    });
  }

  /** Changes what is shown, here and on the card. */
  show(change: Partial<RolloutState>): void {
    this.state = { ...this.state, ...change };
    setCurrentDetails(rolloutCard(this.request.model, this.request.version, this.state));
  }

  /** A change of stage is also a search attribute. */
  enter(stage: RolloutState['stage'], change: Partial<RolloutState> = {}): void {
    this.show({ stage, ...change });
    upsertSearchAttributes(stageAttributes({ stage, needsDecision: this.state.question !== null }));
  }

  readFact(): Promise<ServingFact> {
    const { backends, model, region } = this.request;
    return control.readServingFact({ backends, model, region });
  }

  changeFact(fact: ServingFact, next: Omit<ServingFact, 'generation'>): Promise<ServingFact> {
    const { backends, model, region } = this.request;
    const change = { model, region, expectedGeneration: fact.generation, next };
    return control.changeServingFact({ backends, change });
  }

  /** Deploys a registered version, or finds it running, as one arm of the route. */
  async deploy(arm: 'canary' | 'stable', version: string): Promise<void> {
    const { backends, model, region } = this.request;
    const record: ModelVersion = await control.readModel({ backends, model, version });
    const endpoint = await slowControl.deployModel({ backends, record, region });
    this.#arms[arm] = { version, address: endpoint.address ?? '', weightPercent: 0 };
  }

  async undeploy(version: string): Promise<void> {
    const { backends, model, region } = this.request;
    await slowControl.undeployModel({ backends, key: endpointKey({ model, version, region }) });
  }

  /** Ends the version that served before, once the route no longer knows it. */
  async retire(version: string): Promise<void> {
    await this.#setWeights([{ ...this.#arm('canary'), weightPercent: 100 }]);
    await this.undeploy(version);
  }

  /** Gives the canary a share of the traffic, and shows the share that the proxy then serves. */
  async shift(canaryPercent: number): Promise<void> {
    const { stable } = this.#arms;
    await this.#setWeights([
      { ...this.#arm('canary'), weightPercent: canaryPercent },
      ...(stable === null ? [] : [{ ...stable, weightPercent: 100 - canaryPercent }]),
    ]);
  }

  /** Takes the canary’s traffic away and believes it only when the proxy says so. */
  async takeTrafficBack(): Promise<void> {
    const backend = this.backend('traffic');
    if (this.#arms.stable === null) await control.removeRoute({ backend, route: this.route });
    else await this.shift(0);
    const { weightPercent } = await control.verifyNoTraffic({
      backend,
      route: this.route,
      version: this.request.version,
    });
    this.show({ weightPercent });
  }

  /**
   * Watches one step until the judge decides, an order decides, or a human does.
   *
   * @param policy of this step; @param compare with the stable arm, or judge the canary alone
   */
  async judgeStep(policy: JudgePolicy, compare: boolean): Promise<Verdict> {
    this.#evidence = nextStep(this.#evidence);
    for (;;) {
      await this.#untilResumed();
      if (this.#rollbackOrder !== null)
        return this.#told({ kind: 'condemn', reasons: [this.#rollbackOrder] });
      const observation = await this.#observe(policy, compare);
      if (observation === null) continue;
      this.#evidence = observation.ticks.reduce(
        (s, tick) => addTick(s, tick, policy),
        this.#evidence,
      );
      const verdict = silenced(judge(this.#evidence, policy), observation, policy);
      if (verdict.kind === 'advance' || verdict.kind === 'condemn') return this.#told(verdict);
      if (verdict.kind === 'undecided') this.#ask(verdict.reasons.join('; '));
    }
  }

  backend(port: 'traffic' | 'metrics'): string {
    return backendFor(this.request.backends, port);
  }

  #arm(name: 'canary' | 'stable'): ArmSpec {
    const arm = this.#arms[name];
    if (arm === null)
      throw failure('ORDER_REFUSED', `Cannot shift "${this.route}": no ${name} is deployed`);
    return arm;
  }

  async #setWeights(arms: readonly ArmSpec[]): Promise<void> {
    const route = { route: this.route, arms, mirror: null, sticky: this.request.release.sticky };
    const reading = await control.shiftTraffic({ backend: this.backend('traffic'), route });
    const served = reading.arms.find(({ version }) => version === this.request.version);
    this.show({ weightPercent: served?.weightPercent ?? 0 });
  }

  #ask(question: string): void {
    this.show({ question, paused: true });
    upsertSearchAttributes(stageAttributes({ stage: this.state.stage, needsDecision: true }));
    this.#evidence = nextStep(this.#evidence);
  }

  async #untilResumed(): Promise<void> {
    if (!this.state.paused) return;
    await condition(() => !this.state.paused || this.#rollbackOrder !== null);
    upsertSearchAttributes(stageAttributes({ stage: this.state.stage, needsDecision: false }));
  }

  /** One observation; null when an order came first. */
  async #observe(policy: JudgePolicy, compare: boolean): Promise<Observation | null> {
    const { tickSeconds } = this.request.release;
    const scope = new CancellationScope();
    const observing = scope.run(() =>
      watch(
        Math.max(HEARTBEAT_TIMEOUT_SECONDS_MIN, 3 * tickSeconds),
        OBSERVE_SECONDS_MAX,
      ).observeArms({
        backend: this.backend('metrics'),
        route: this.route,
        canary: this.request.version,
        stable: compare ? (this.#arms.stable?.version ?? null) : null,
        policy,
        state: this.#evidence,
        tickSeconds,
      }),
    );
    const ordered = condition(() => this.state.paused || this.#rollbackOrder !== null).then(
      () => null,
    );
    const first = await Promise.race([observing, ordered]);
    if (first !== null) return first;
    scope.cancel();
    await observing.catch((error: unknown) => {
      if (!isCancellation(error)) throw error;
    });
    return null;
  }

  #told(verdict: Verdict): Verdict {
    const { seconds, canary, stable } = this.#evidence.step;
    const step: StepSummary = {
      weightPercent: this.state.weightPercent,
      verdict: verdict.kind,
      reason: verdict.reasons.join('; '),
      seconds,
      canary,
      stable,
    };
    this.show({ steps: [...this.state.steps, step], reason: step.reason });
    return verdict;
  }
}

/** A source that stayed silent for too long is a question for a human, never a verdict. */
function silenced(verdict: Verdict, observation: Observation, policy: JudgePolicy): Verdict {
  const { secondsWithoutData } = observation;
  if (verdict.kind !== 'hold' || secondsWithoutData < policy.undecidedSecondsMax) return verdict;
  return { kind: 'undecided', reasons: [`no counts for ${secondsWithoutData.toFixed(0)} s`] };
}

export function ownId(): string {
  return workflowInfo().workflowId;
}
