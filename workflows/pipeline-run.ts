import { setCurrentDetails, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import { pipelineCard } from '../core/pipeline/card.ts';
import type { PipelineRequest, PipelineState } from '../core/pipeline/request.ts';
import type { PipelineReading } from '../core/ports/pipeline.ts';
import { pipelineStatusQuery } from './messages.ts';
import { stageAttributes } from './search-attributes.ts';

/** What a pipeline run shows, so that `runPipeline` can tell the story. */
export class PipelineRun {
  state: PipelineState;

  /** @param input as it was started, before it was admitted, so anything or nothing */
  constructor(input: PipelineRequest | null | undefined) {
    this.state = {
      model: String(input?.model),
      version: String(input?.version),
      name: String(input?.name),
      stage: 'admit',
      pipeline: String(input?.pipeline?.pipeline),
      backend: null,
      logUri: '',
      remoteId: null,
      attempt: 0,
      setbacks: [],
      tasks: [],
      runSeconds: 0,
      costUsd: null,
      outcome: null,
      reason: '',
    };
    setHandler(pipelineStatusQuery, () => this.state);
  }

  show(change: Partial<PipelineState>): void {
    this.state = { ...this.state, ...change };
    setCurrentDetails(pipelineCard(this.state));
  }

  read({ tasks, runSeconds, costUsd, reason, logUri }: PipelineReading): void {
    this.show({ tasks, runSeconds, costUsd, reason, logUri });
  }

  /** One upsert a stage, which is one Action. */
  enter(stage: PipelineState['stage'], change: Partial<PipelineState> = {}): void {
    this.show({ ...change, stage });
    const { costUsd } = this.state;
    upsertSearchAttributes(
      stageAttributes({ stage, needsDecision: false, ...(costUsd === null ? {} : { costUsd }) }),
    );
  }
}
