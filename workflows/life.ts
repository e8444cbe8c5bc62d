import {
  condition,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { ChildWorkflowHandle } from '@temporalio/workflow';
import { charge, chargeUsd, isSpent, newCost } from '../core/cost/charge.ts';
import { checkApproval } from '../core/evidence/approval.ts';
import type { ApprovalWanted, SignedApproval } from '../core/evidence/approval.ts';
import { lifecycleCard } from '../core/lifecycle/card.ts';
import { checkOrder, isIncident } from '../core/lifecycle/orders.ts';
import type { LifecycleRequest } from '../core/lifecycle/request.ts';
import type { LifecycleState, Stage } from '../core/lifecycle/state.ts';
import type { Order, OrderAnswer, RolloutOrder } from '../core/messages.ts';
import type { JobSummary } from '../core/training/request.ts';
import { failure, isCancellation } from './failures.ts';
import {
  approveUpdate,
  lifecycleStatusQuery,
  orderRolloutSignal,
  pauseUpdate,
  reportIncidentSignal,
  resumeUpdate,
  rollbackUpdate,
} from './messages.ts';
import { control } from './options.ts';
import type { rolloutRegion } from './rollout-region.ts';
import { stageAttributes } from './search-attributes.ts';

type RolloutHandle = Pick<ChildWorkflowHandle<typeof rolloutRegion>, 'signal'>;

export interface Decision {
  readonly decision: 'approve' | 'reject';
  readonly approver: string;
  readonly reason: string;
}

/**
 * What a life shows and the messages it takes, so that `runLifecycle` can tell the story.
 *
 * Orders: `pause` holds before the next stage, and holds a running rollout where it is; `resume`
 * ends either; `rollback` and an incident take a running rollout back; `approve` answers the one
 * open question. Validators are synchronous and pure: a refused Update leaves no trace in history.
 */
export class Life {
  state: LifecycleState;
  #author = '';
  #backends: LifecycleRequest['backends'] = { default: '' };
  #decision: Decision | null = null;
  #rollout: RolloutHandle | null = null;

  /** @param input as it was started, before it was admitted, so anything or nothing */
  constructor(input: Pick<LifecycleRequest, 'model' | 'version'> | null | undefined) {
    this.state = {
      model: String(input?.model),
      version: String(input?.version),
      stage: 'admit',
      paused: false,
      gates: [],
      cost: newCost(null),
      approval: null,
      region: null,
      rollouts: [],
      outcome: null,
      reason: '',
    };
    this.#takeMessages();
  }

  admitted(request: LifecycleRequest): void {
    this.#author = request.author;
    this.#backends = request.backends;
    this.show({ cost: newCost(request.costUsdMax) });
  }

  show(change: Partial<LifecycleState>): void {
    this.state = { ...this.state, ...change };
    setCurrentDetails(lifecycleCard(this.state));
  }

  /** Enters a stage, after a pause if one was ordered and while there is money left. */
  async enter(stage: Stage, reason = ''): Promise<void> {
    if (stage !== 'done') await this.#mayGoOn(stage);
    this.show({ stage, reason });
    this.#index();
  }

  async #mayGoOn(stage: Stage): Promise<void> {
    await condition(() => !this.state.paused);
    if (isSpent(this.state.cost)) {
      const { usd, usdMax } = this.state.cost;
      throw failure(
        'BUDGET_SPENT',
        `Cannot enter ${stage}: $${usd.toFixed(4)} of $${usdMax} are spent`,
      );
    }
  }

  pass(stage: Stage, reason: string): void {
    this.show({ gates: [...this.state.gates, { stage, passed: true, reason }] });
  }

  refuse(stage: Stage, reason: string): void {
    this.show({ gates: [...this.state.gates, { stage, passed: false, reason }], reason });
  }

  spend({ step, before = [], ...last }: JobSummary): void {
    for (const { billableSeconds, price } of [...before, last])
      this.show({ cost: charge(this.state.cost, step, billableSeconds, price) });
  }

  /** What a far side says it cost; nothing where it says nothing. */
  spendUsd(step: string, billableSeconds: number, usd: number): void {
    if (usd > 0) this.show({ cost: chargeUsd(this.state.cost, step, billableSeconds, usd) });
  }

  /** Asks for an approval and waits for it; null when the deadline passes first. */
  async decision(wanted: ApprovalWanted, deadlineHours: number): Promise<Decision | null> {
    this.show({ approval: wanted });
    this.#index();
    await condition(() => this.#decision !== null, `${Math.round(deadlineHours * 3600)}s`);
    this.show({ approval: null });
    return this.#decision;
  }

  /** The rollout that runs now gets the orders that concern it, and a pause that came before it. */
  async rollingOut(region: string, rollout: RolloutHandle): Promise<void> {
    this.#rollout = rollout;
    this.show({ region });
    if (this.state.paused) {
      await this.#pass({ order: 'pause', by: 'lifecycle', reason: 'paused before it began' });
    }
  }

  rolledOut(): void {
    this.#rollout = null;
    this.show({ region: null });
  }

  /** One upsert for everything that changes with the stage. */
  #index(): void {
    const { stage, approval, cost } = this.state;
    upsertSearchAttributes(
      stageAttributes({ stage, needsDecision: approval !== null, costUsd: cost.usd }),
    );
  }

  #takeMessages(): void {
    setHandler(lifecycleStatusQuery, () => this.state);
    setHandler(approveUpdate, (approval) => this.#approve(approval), {
      validator: (approval) => {
        const problem = checkApproval(approval, this.state.approval);
        if (problem !== null) throw failure(problem.code, problem.message);
      },
    });
    setHandler(pauseUpdate, (order) => this.#order({ ...order, order: 'pause' }), {
      validator: (order) => this.#check('pause', order),
    });
    setHandler(resumeUpdate, (order) => this.#order({ ...order, order: 'resume' }), {
      validator: (order) => this.#check('resume', order),
    });
    setHandler(rollbackUpdate, (order) => this.#order({ ...order, order: 'rollback' }), {
      validator: (order) => this.#check('rollback', order),
    });
    setHandler(reportIncidentSignal, async (incident) => {
      if (!isIncident(incident)) return;
      const { region, description } = incident;
      if (region !== null && region !== this.state.region) return;
      await this.#pass({ order: 'rollback', by: 'incident', reason: description });
    });
  }

  async #approve(approval: SignedApproval): Promise<OrderAnswer> {
    const { approver } = await control.checkApprovalSignature({
      backends: this.#backends,
      approval,
      author: this.#author,
    });
    // Another approval may have come first while this one was being verified.
    const problem = checkApproval(approval, this.state.approval);
    if (problem !== null) throw failure(problem.code, problem.message);
    if (this.#decision !== null) {
      const told = `${this.#decision.approver} has decided already`;
      throw failure('APPROVAL_NOT_WANTED', `Cannot take the approval: ${told}`);
    }
    const { decision, reason } = approval.statement;
    this.#decision = { decision, approver, reason };
    return {
      accepted: true,
      effect: decision === 'approve' ? 'the release begins' : 'the run ends as rejected',
    };
  }

  async #order(order: RolloutOrder): Promise<OrderAnswer> {
    if (order.order !== 'rollback') this.show({ paused: order.order === 'pause' });
    const passed = await this.#pass(order);
    if (order.order === 'rollback' && !passed) {
      const { model, version } = this.state;
      throw failure('ORDER_REFUSED', `Cannot rollback ${model} ${version}: its rollout has ended`);
    }
    return { accepted: true, effect: effectOf(order, this.state) };
  }

  /**
   * Passes an order to the rollout that runs. It may end in the same moment; then nobody takes the
   * order, which must not fail a run that has done well.
   */
  async #pass(order: RolloutOrder): Promise<boolean> {
    try {
      await this.#rollout?.signal(orderRolloutSignal, order);
      return this.#rollout !== null;
    } catch (error) {
      if (isCancellation(error)) throw error;
      return false;
    }
  }

  #check(kind: RolloutOrder['order'], order: Order): void {
    const { model, version, paused } = this.state;
    const rollingOut = this.#rollout !== null;
    const problem = checkOrder(kind, order, { name: `${model} ${version}`, paused, rollingOut });
    if (problem !== null) throw failure(problem.code, problem.message);
  }
}

function effectOf({ order }: RolloutOrder & Order, { region, stage }: LifecycleState): string {
  switch (order) {
    case 'pause':
      return region === null ? `holds after ${stage}` : `holds the weights in ${region}`;
    case 'resume':
      return region === null ? 'goes on' : `the rollout in ${region} goes on`;
    case 'rollback':
      return `the rollout in ${region} is taken back`;
  }
}
