import { setCurrentDetails, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import { bestTrial } from '../core/tuning/best.ts';
import { tuningCard } from '../core/tuning/card.ts';
import type { TrialSummary, TuneRequest, TuningState } from '../core/tuning/request.ts';
import { tuningStatusQuery } from './messages.ts';
import { stageAttributes } from './search-attributes.ts';

/** What a search shows, so that `tuneModel` can tell the story. */
export class TuningRun {
  state: TuningState;
  #objective: TuneRequest['search']['objective'] = { metric: '', goal: 'maximize' };

  /** @param input as it was started, before it was admitted, so anything or nothing */
  constructor(input: TuneRequest | null | undefined) {
    this.state = {
      model: String(input?.model),
      version: String(input?.version),
      name: String(input?.name),
      engine: null,
      stage: 'admit',
      backend: null,
      logUri: '',
      metric: '',
      trialsMax: 0,
      trials: [],
      best: null,
      setbacks: [],
      outcome: null,
      reason: '',
    };
    setHandler(tuningStatusQuery, () => this.state);
  }

  admitted({ engine, search }: TuneRequest): void {
    this.#objective = search.objective;
    const { metric } = search.objective;
    this.enter('search', { engine, metric, trialsMax: search.trialsMax });
  }

  show(change: Partial<TuningState>): void {
    this.state = { ...this.state, ...change };
    setCurrentDetails(tuningCard(this.state));
  }

  tell(trials: readonly TrialSummary[]): void {
    this.show({ trials, best: bestTrial(trials, this.#objective) });
  }

  /** One upsert a stage, which is one Action. */
  enter(
    stage: TuningState['stage'],
    change: Partial<TuningState> & { costUsd?: number } = {},
  ): void {
    const { costUsd, ...shown } = change;
    this.show({ ...shown, stage });
    upsertSearchAttributes(
      stageAttributes({
        stage,
        needsDecision: false,
        ...(costUsd === undefined ? {} : { costUsd }),
      }),
    );
  }
}
