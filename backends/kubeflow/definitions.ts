import { setTimeout as sleep } from 'node:timers/promises';

import { digestOf } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import type {
  DefinitionChange,
  DefinitionReading,
  Definitions,
  PipelineDefinition,
} from '../../core/ports/definitions.ts';
import type { KfpApi } from './kfp/api.ts';
import { hasCode } from './kfp/errors.ts';
import { Marks } from './kfp/marks.ts';
import { findPipeline, newestFirst } from './kfp/pipelines.ts';
import { jsonOf, OURS } from './kfp/provenance.ts';
import type { KfpPipeline, KfpVersion } from './kfp/replies.ts';
import { splitSchedule, type ScheduledSource } from './kfp/schedule.ts';

const DIGEST_DIGITS = 12;
/** KFP dates versions by whole seconds, and its latest one is that of the largest date. */
const DATE_GRAIN_MS = 1100;
const NONE = '(none)';

/**
 * Pipelines of KFP in its intermediate representation. Pipeline names are unique, and version names
 * within a pipeline: two callers with the same content make one version. A version never changes;
 * the latest one is in force. A schedule is a recurring run of the latest version.
 */
export class KfpDefinitions implements Definitions {
  readonly #api: KfpApi;
  readonly #marks: Marks;

  constructor(api: KfpApi) {
    this.#api = api;
    this.#marks = new Marks(api);
  }

  async plan(definition: PipelineDefinition): Promise<DefinitionChange> {
    const { name } = definition;
    const wanted = digestOf(sourceOf(definition));
    const pipeline = await this.#own(name);
    const current = pipeline === null ? null : await this.#inForce(pipeline);
    const before = current === null ? NONE : digestIn(current.description);
    const change = current === null ? 'create' : before === wanted ? 'none' : 'update';
    const diff = change === 'none' ? '' : `- ${name}: ${before}\n+ ${name}: ${wanted}`;
    return { name, change, diff };
  }

  async put(definition: PipelineDefinition): Promise<DefinitionReading> {
    const { name } = definition;
    const source = sourceOf(definition);
    const digest = digestOf(source);
    const held = await this.#own(name);
    const pipeline = held ?? (await this.#make(name));
    try {
      const version = await this.#upload(pipeline, digest, source.text);
      await this.#schedule(pipeline, source, digest);
      return { name, digest, version: version.name };
    } catch (error) {
      // A pipeline that never had a version would be listed for ever.
      if (held === null && hasCode(error, 'SPEC_REJECTED')) await this.remove(name);
      throw error;
    }
  }

  async list(): Promise<readonly DefinitionReading[]> {
    const pipelines = await this.#api.pipelines([]);
    const ours = pipelines.filter(({ description }) => description.includes(OURS));
    const readings = await Promise.all(
      ours.map(async (pipeline) => {
        const version = await this.#inForce(pipeline);
        return version === null
          ? null
          : { name: pipeline.name, digest: digestIn(version.description), version: version.name };
      }),
    );
    return readings.filter((reading) => reading !== null);
  }

  async remove(name: string): Promise<void> {
    const pipeline = await this.#own(name);
    if (pipeline === null) return;
    for (const { recurring_run_id: id } of await this.#schedules(pipeline)) {
      await this.#tolerant(this.#api.deleteRecurringRun(id));
    }
    await this.#tolerant(this.#api.deletePipeline(pipeline.pipeline_id));
  }

  /** null when there is none. @throws OrreryError NAME_TAKEN */
  async #own(name: string): Promise<KfpPipeline | null> {
    const pipeline = await findPipeline(this.#api, name);
    if (pipeline === null || pipeline.description.includes(OURS)) return pipeline;
    throw new OrreryError(
      'NAME_TAKEN',
      `Cannot define "${name}": Kubeflow Pipelines has pipeline ${pipeline.pipeline_id} of this name, which is not ours`,
    );
  }

  async #make(name: string): Promise<KfpPipeline> {
    try {
      return await this.#api.createPipeline(name, `{${OURS}}`);
    } catch (error) {
      const made = hasCode(error, 'NAME_TAKEN') ? await this.#own(name) : null;
      if (made === null) throw error;
      return made;
    }
  }

  async #inForce(pipeline: KfpPipeline): Promise<KfpVersion | null> {
    return newestFirst(await this.#api.versions(pipeline.pipeline_id, []))[0] ?? null;
  }

  async #upload(pipeline: KfpPipeline, digest: string, text: string): Promise<KfpVersion> {
    const { pipeline_id: pipelineId } = pipeline;
    const versions = newestFirst(await this.#api.versions(pipelineId, []));
    const latest = versions[0];
    if (latest !== undefined && digestIn(latest.description) === digest) return latest;
    const ageMs = Date.now() - (Date.parse(latest?.created_at ?? '') || 0);
    if (ageMs < DATE_GRAIN_MS) await sleep(Math.min(DATE_GRAIN_MS, DATE_GRAIN_MS - ageMs));
    const name = `${digest.slice(0, DIGEST_DIGITS)}-${versions.length + 1}`;
    try {
      const description = JSON.stringify({ 'orrery-managed': 'true', digest });
      return await this.#api.uploadVersion(pipelineId, name, description, text);
    } catch (error) {
      // Another caller, or our own call whose reply was lost, has put the same content.
      const made = hasCode(error, 'NAME_TAKEN') ? await this.#inForce(pipeline) : null;
      if (made?.name !== name) throw error;
      return made;
    }
  }

  /** A recurring run cannot be changed, so another schedule is another one. */
  async #schedule(pipeline: KfpPipeline, { schedule }: ScheduledSource, digest: string) {
    const held = await this.#schedules(pipeline);
    const wanted = schedule === null ? null : digestOf(schedule);
    for (const { recurring_run_id: id, description } of held) {
      if (digestIn(description) !== wanted) await this.#tolerant(this.#api.deleteRecurringRun(id));
    }
    if (schedule === null) return;
    const find = async () =>
      (await this.#schedules(pipeline)).find(
        ({ description }) => digestIn(description) === wanted,
      ) ?? null;
    const create = () =>
      this.#api.createRecurringRun({
        displayName: scheduleName(pipeline),
        description: JSON.stringify({ 'orrery-managed': 'true', digest: wanted, source: digest }),
        pipelineId: pipeline.pipeline_id,
        versionId: null,
        experimentId: '',
        parameters: schedule.params,
        trigger: schedule.trigger,
        enabled: true,
        maxConcurrency: schedule.maxConcurrency,
        noCatchup: schedule.noCatchup,
      });
    await this.#marks.once('schedule', pipeline.pipeline_id, find, create);
  }

  async #schedules(pipeline: KfpPipeline) {
    const found = await this.#api.recurringRuns([
      { key: 'display_name', operation: 'EQUALS', value: scheduleName(pipeline) },
    ]);
    return found.filter(({ description }) => description.includes(OURS));
  }

  async #tolerant(removal: Promise<void>): Promise<void> {
    try {
      await removal;
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND')) throw error;
    }
  }
}

function scheduleName({ pipeline_id: id }: KfpPipeline): string {
  return `orrery-schedule-${id}`;
}

function sourceOf({ name, content }: PipelineDefinition): ScheduledSource {
  if (content.kind === 'source') return splitSchedule(content.text);
  throw new OrreryError(
    'OPERATION_UNSUPPORTED',
    `Cannot define "${name}" from a data flow: a task of Kubeflow Pipelines is a container image, which a flow does not name; give the compiled pipeline as source`,
  );
}

function digestIn(description: string): string {
  const { digest } = (jsonOf(description) ?? {}) as { digest?: unknown };
  return typeof digest === 'string' ? digest : '';
}
