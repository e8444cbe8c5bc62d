import type { Condition } from './calls.ts';
import { KfpHttp, pathOf, type KfpReply } from './http.ts';
import { KfpPipelineCalls } from './pipeline-calls.ts';
import {
  experimentReply,
  nothing,
  pages,
  recurringRunReply,
  runReply,
  type KfpExperiment,
  type KfpRecurringRun,
  type KfpRun,
} from './replies.ts';
import type { KfpSettings } from './settings.ts';

export interface RunDraft {
  readonly displayName: string;
  readonly description: string;
  readonly pipelineId: string;
  readonly versionId: string;
  readonly recurringRunId: string;
  readonly experimentId: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}
export interface RecurringRunDraft {
  readonly displayName: string;
  readonly description: string;
  readonly pipelineId: string;
  /** null: each of its runs takes the version that is the latest then. */
  readonly versionId: string | null;
  /** Empty for the default experiment. */
  readonly experimentId: string;
  /** Checked against the version at once: each one that it requires, and none that it does not know. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Six fields, seconds first. */
  readonly trigger:
    | { readonly cron_schedule: { readonly cron: string } }
    | { readonly periodic_schedule: { readonly interval_second: string } };
  readonly enabled: boolean;
  readonly maxConcurrency: number;
  readonly noCatchup: boolean;
}

/** The calls of KFP's v2beta1 API that we make, each one HTTP request. */
export class KfpApi extends KfpPipelineCalls {
  static async open(settings: KfpSettings): Promise<KfpApi> {
    return new KfpApi(settings, await KfpHttp.open(settings));
  }

  health(): Promise<KfpReply<unknown>> {
    return this.http.call({
      action: 'read the health of the API server',
      method: 'GET',
      path: pathOf`healthz`,
      reply: nothing,
    });
  }

  createRun(draft: RunDraft): Promise<KfpRun> {
    const { serviceAccount } = this.settings;
    return this.value({
      action: `start run ${draft.displayName}`,
      method: 'POST',
      path: pathOf`runs`,
      body: {
        display_name: draft.displayName,
        description: draft.description,
        experiment_id: draft.experimentId,
        recurring_run_id: draft.recurringRunId,
        pipeline_version_reference: {
          pipeline_id: draft.pipelineId,
          pipeline_version_id: draft.versionId,
        },
        runtime_config: { parameters: draft.parameters },
        ...(serviceAccount === '' ? {} : { service_account: serviceAccount }),
      },
      reply: runReply,
    });
  }

  run(id: string): Promise<KfpRun> {
    const action = `read run ${id}`;
    return this.value({ action, method: 'GET', path: pathOf`runs/${id}`, reply: runReply });
  }

  async terminateRun(id: string): Promise<void> {
    await this.post(`stop run ${id}`, pathOf`runs/${id}` + ':terminate');
  }

  async retryRun(id: string): Promise<void> {
    await this.post(`retry run ${id}`, pathOf`runs/${id}` + ':retry');
  }

  async runs(conditions: readonly Condition[]): Promise<readonly KfpRun[]> {
    const listed = await this.list('runs', pathOf`runs`, pages.runs, conditions);
    return listed.flatMap(({ runs }) => runs);
  }

  createRecurringRun(draft: RecurringRunDraft): Promise<KfpRecurringRun> {
    const { namespace, serviceAccount } = this.settings;
    return this.value({
      action: `make recurring run ${draft.displayName}`,
      method: 'POST',
      path: pathOf`recurringruns`,
      body: {
        display_name: draft.displayName,
        description: draft.description,
        ...(draft.experimentId === '' ? {} : { experiment_id: draft.experimentId }),
        pipeline_version_reference: {
          pipeline_id: draft.pipelineId,
          ...(draft.versionId === null ? {} : { pipeline_version_id: draft.versionId }),
        },
        runtime_config: { parameters: draft.parameters },
        trigger: draft.trigger,
        mode: draft.enabled ? 'ENABLE' : 'DISABLE',
        max_concurrency: String(draft.maxConcurrency),
        no_catchup: draft.noCatchup,
        ...(namespace === '' ? {} : { namespace }),
        ...(serviceAccount === '' ? {} : { service_account: serviceAccount }),
      },
      reply: recurringRunReply,
    });
  }

  async recurringRuns(conditions: readonly Condition[]): Promise<readonly KfpRecurringRun[]> {
    const path = pathOf`recurringruns`;
    const listed = await this.list('recurring runs', path, pages.recurringRuns, conditions);
    return listed.flatMap(({ recurringRuns }) => recurringRuns);
  }

  /** Its runs go on: without ORPHAN the cluster's garbage collector ends every workflow it owns. */
  async deleteRecurringRun(id: string): Promise<void> {
    const path = pathOf`recurringruns/${id}`;
    await this.delete(`remove recurring run ${id}`, path, { propagation_policy: 'ORPHAN' });
  }

  createExperiment(name: string, description: string): Promise<KfpExperiment> {
    const { namespace } = this.settings;
    return this.value({
      action: `make experiment "${name}"`,
      method: 'POST',
      path: pathOf`experiments`,
      body: { display_name: name, description, ...(namespace === '' ? {} : { namespace }) },
      reply: experimentReply,
    });
  }

  /** With the far side's clock, against which the age of a mark is told. */
  async experiments(conditions: readonly Condition[]): Promise<KfpReply<readonly KfpExperiment[]>> {
    const path = pathOf`experiments`;
    const listed = await this.list('experiments', path, pages.experiments, conditions);
    return { value: listed.flatMap(({ experiments }) => experiments), farNow: this.farNow };
  }

  async deleteExperiment(id: string): Promise<void> {
    await this.delete(`remove experiment ${id}`, pathOf`experiments/${id}`, {});
  }
}
