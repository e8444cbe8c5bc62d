import { OrreryError } from '../../core/errors.ts';
import { specLabel } from '../../core/labels.ts';
import type {
  Pipeline,
  PipelineHandle,
  PipelineIntent,
  PipelineReading,
  PipelineStart,
} from '../../core/ports/pipeline.ts';
import { stopAndRead, waitForNews } from '../connections/polling.ts';
import { Anchors, findOrMakeExperiment } from './kfp/anchors.ts';
import type { KfpApi } from './kfp/api.ts';
import { hasCode } from './kfp/errors.ts';
import { runIdOf } from './kfp/identity.ts';
import { Marks, type MarkKind } from './kfp/marks.ts';
import { resolvePipeline, type ResolvedPipeline } from './kfp/pipelines.ts';
import { describeRun, provenanceOf } from './kfp/provenance.ts';
import {
  isOver,
  lostReading,
  readingOf,
  runPhase,
  startedAt,
  wasCanceling,
} from './kfp/reading.ts';
import type { KfpRun } from './kfp/replies.ts';
import { artifactTypes } from './kfp/spec-types.ts';

const NO_MARKS: ReadonlySet<MarkKind> = new Set();

/**
 * Runs of Kubeflow Pipelines v2 (API v2beta1, backend/api/v2beta1/run.proto).
 *
 * Start: a mark that only one caller can set (kfp/marks.ts) → look for the run by its id and by our
 * key as its name → create under the pipeline's disabled recurring run (kfp/anchors.ts) → take the
 * mark away. A crash at any point leaves the mark or the run, and the next start goes on from either.
 * Stop: mark → terminate → read until the run is over; FAILED then means cancelled.
 */
export class KfpPipeline implements Pipeline {
  readonly #api: KfpApi;
  readonly #marks: Marks;
  readonly #anchors: Anchors;
  #experimentId: string | null = null;

  constructor(api: KfpApi) {
    this.#api = api;
    this.#marks = new Marks(api);
    this.#anchors = new Anchors(api, this.#marks);
  }

  async start(intent: PipelineIntent): Promise<PipelineStart> {
    const { key, spec } = intent;
    const pipeline = await resolvePipeline(this.#api, spec.pipeline, spec.version);
    const experimentId = (this.#experimentId ??= await findOrMakeExperiment(this.#api));
    const anchorId = await this.#anchors.of({
      ...pipeline,
      experimentId,
      parameters: spec.params,
    });
    const { value: run, created } = await this.#marks.once(
      'start',
      key,
      () => this.#find(key, anchorId),
      () => this.#create(intent, pipeline, anchorId, experimentId),
    );
    // Also after a create: KFP answers with the run that it has under this name, whoever made it.
    const adopted = await this.#adopt(intent, run, anchorId);
    return created ? { ...adopted, outcome: 'created' } : adopted;
  }

  async read(
    handle: PipelineHandle,
    wait?: { readonly since: number; readonly waitMs: number },
  ): Promise<PipelineReading> {
    const read = async () => {
      const run = await this.#run(handle);
      if (run === null) return lostReading(handle.remoteId, this.#uiUrl());
      await this.#endIfOverdue(run);
      return this.#reading(run, handle.key);
    };
    return waitForNews(read, wait, this.#api.settings);
  }

  async retry(handle: PipelineHandle): Promise<PipelineReading> {
    const run = await this.#run(handle);
    if (run?.state !== 'FAILED') return this.read(handle);
    if (runPhase(run, await this.#marks.of(handle.key)) !== 'failed') return this.read(handle);
    // The mark goes first: the retried run has its whole limit again.
    await this.#marks.drop('timeout', handle.key);
    try {
      await this.#api.retryRun(handle.remoteId);
    } catch (error) {
      if (/manifest cannot be empty/i.test(String(error))) {
        throw new OrreryError(
          'OPERATION_UNSUPPORTED',
          `Cannot retry run ${handle.remoteId}: Kubeflow Pipelines has not kept its workflow`,
          { cause: error },
        );
      }
      // Somebody else's retry, or our own whose reply was lost, has made it live.
      if (!/not in a terminal state/i.test(String(error))) throw error;
    }
    return this.read(handle);
  }

  async stop(handle: PipelineHandle): Promise<PipelineReading> {
    let asked = false;
    const read = async () => {
      const run = await this.#run(handle);
      if (run === null) return lostReading(handle.remoteId, this.#uiUrl());
      // Open again after CANCELING: the far side had written the state and crashed before it told
      // the workflow.
      if (asked && !isOver(run.state) && run.state !== 'CANCELING') await this.#terminate(run);
      const reading = await this.#reading(run, handle.key);
      if (asked && (run.state !== 'FAILED' || wasCanceling(run)) && isOver(run.state)) {
        await this.#marks.drop('stop', handle.key);
      }
      return reading;
    };
    const ask = async () => {
      asked = true;
      await this.#marks.put('stop', handle.key);
      const run = await this.#run(handle);
      if (run !== null) await this.#terminate(run);
    };
    return stopAndRead(read, ask, this.#api.settings);
  }

  /** By the id that KFP derives from the recurring run and our key, then by our key as its name. */
  async #find(key: string, anchorId: string): Promise<KfpRun | null> {
    const byId = await this.#run({ key, remoteId: runIdOf(anchorId, key) });
    if (byId !== null) return byId;
    const named = await this.#api.runs([{ key: 'display_name', operation: 'EQUALS', value: key }]);
    return (
      named.find(({ description }) => provenanceOf(description)?.key === key) ?? named[0] ?? null
    );
  }

  async #create(
    intent: PipelineIntent,
    { pipelineId, versionId }: ResolvedPipeline,
    recurringRunId: string,
    experimentId: string,
  ): Promise<KfpRun> {
    try {
      return await this.#api.createRun({
        displayName: intent.key,
        description: describeRun(intent),
        pipelineId,
        versionId,
        recurringRunId,
        experimentId,
        parameters: intent.spec.params,
      });
    } catch (error) {
      if (!/RecurringRunId doesn't exist|ScheduledWorkflow doesn't exist/i.test(String(error))) {
        throw error;
      }
      this.#anchors.forget(pipelineId);
      throw new OrreryError(
        'BACKEND_UNAVAILABLE',
        `Cannot start run ${intent.key}: the recurring run ${recurringRunId} that holds this pipeline's runs was deleted; the next try makes another`,
        { cause: error, details: { sent: false } },
      );
    }
  }

  async #adopt(intent: PipelineIntent, run: KfpRun, anchorId: string): Promise<PipelineStart> {
    const { key, specDigest } = intent;
    const provenance = provenanceOf(run.description);
    // Written by the persistence agent after the API server lost the row: only the id is ours.
    const rescued =
      run.run_id === runIdOf(anchorId, key) &&
      run.recurring_run_id === anchorId &&
      run.description === '';
    if (!rescued && (provenance?.key !== key || provenance.spec !== specLabel(specDigest))) {
      throw new OrreryError(
        'NAME_TAKEN',
        `Cannot start run ${key}: Kubeflow Pipelines has run ${run.run_id} under this name with ` +
          `${provenance === null ? 'no mark of ours' : 'another specification'}; ours has the spec ${specLabel(specDigest)}`,
      );
    }
    const phase = (await this.#reading(run, key)).phase;
    const dead = phase === 'failed' || phase === 'cancelled';
    return { handle: { key, remoteId: run.run_id }, outcome: dead ? 'dead' : 'adopted' };
  }

  async #reading(run: KfpRun, key: string): Promise<PipelineReading> {
    const marks = run.state === 'FAILED' ? await this.#marks.of(key) : NO_MARKS;
    return readingOf(run, {
      marks,
      uiUrl: this.#uiUrl(),
      types: isOver(run.state) ? await this.#types(run) : new Map(),
      now: Date.now(),
    });
  }

  /** Types of the run's artifacts; none where its pipeline was deleted since. */
  async #types(run: KfpRun): Promise<ReadonlyMap<string, string>> {
    const reference = run.pipeline_version_reference;
    if (run.run_details === undefined) return new Map();
    if (reference === undefined) return artifactTypes(run.pipeline_spec);
    try {
      const { pipeline_id: pipelineId, pipeline_version_id: versionId } = reference;
      return artifactTypes((await this.#api.version(pipelineId, versionId)).pipeline_spec);
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return new Map();
      throw error;
    }
  }

  /** KFP has no limit of its own for a run. */
  async #endIfOverdue(run: KfpRun): Promise<void> {
    const provenance = provenanceOf(run.description);
    if (provenance === null || isOver(run.state) || run.state === 'CANCELING') return;
    const overdueMs = Date.now() - startedAt(run) - provenance.timeoutSeconds * 1000;
    if (!(overdueMs > 0)) return;
    await this.#marks.put('timeout', provenance.key);
    await this.#terminate(run);
  }

  /** Bears being told twice: KFP refuses what is not pending, running or paused. */
  async #terminate(run: KfpRun): Promise<void> {
    try {
      await this.#api.terminateRun(run.run_id);
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return;
      if (!/Row not found/i.test(String(error))) throw error;
    }
  }

  async #run(handle: PipelineHandle): Promise<KfpRun | null> {
    try {
      return await this.#api.run(handle.remoteId);
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return null;
      throw error;
    }
  }

  #uiUrl(): string {
    return this.#api.settings.url.replace(/\/$/, '');
  }
}
