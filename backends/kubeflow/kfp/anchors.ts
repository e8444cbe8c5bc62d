import { digestOf } from '../../../core/canonical.ts';
import type { KfpApi } from './api.ts';
import { hasCode } from './errors.ts';
import type { Marks } from './marks.ts';
import { OURS } from './provenance.ts';
import type { KfpRecurringRun } from './replies.ts';

/** 30 February: a schedule is required though the recurring run is disabled. Six fields, seconds first. */
const NEVER = '0 0 0 30 2 *';

/** What a recurring run is made of. */
export interface AnchorNeed {
  readonly pipelineId: string;
  readonly versionId: string;
  readonly experimentId: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** How the name of every such recurring run begins. */
export const ANCHOR_PREFIX = 'orrery-anchor-';
/** Digits of the pipeline's digest in the name. */
const DIGITS = 20;

/**
 * The one disabled recurring run of each pipeline under which its runs are submitted: CreateRun
 * answers with the run that is there when recurring run and display name are the same
 * (resource_manager.go). Its workflows are owned by it: deleting it ends them.
 */
export class Anchors {
  readonly #api: KfpApi;
  readonly #marks: Marks;
  readonly #known = new Map<string, string>();

  constructor(api: KfpApi, marks: Marks) {
    this.#api = api;
    this.#marks = marks;
  }

  /**
   * Id of the pipeline's recurring run, found or made; two callers at once make one. It is made with
   * version and parameters of the run that needs it first, because KFP checks them as it does for
   * a run; later runs bring their own.
   */
  async of(first: AnchorNeed): Promise<string> {
    const known = this.#known.get(first.pipelineId);
    if (known !== undefined) return known;
    const id = await this.#findOrMake(first);
    this.#known.set(first.pipelineId, id);
    return id;
  }

  /** After the far side said that it is gone. */
  forget(pipelineId: string): void {
    this.#known.delete(pipelineId);
  }

  async find(pipelineId: string): Promise<KfpRecurringRun | null> {
    const found = await this.#api.recurringRuns([
      { key: 'display_name', operation: 'EQUALS', value: anchorName(pipelineId) },
    ]);
    return found.findLast(({ description }) => description.includes(OURS)) ?? null;
  }

  async #findOrMake(need: AnchorNeed): Promise<string> {
    const { pipelineId } = need;
    const found = await this.find(pipelineId);
    if (found !== null) return found.recurring_run_id;
    const create = () =>
      this.#api.createRecurringRun({
        displayName: anchorName(pipelineId),
        description: `{${OURS},"about":"Disabled for ever. Orrery submits the runs of this pipeline under it; deleting it ends them."}`,
        ...need,
        trigger: { cron_schedule: { cron: NEVER } },
        enabled: false,
        maxConcurrency: 1,
        noCatchup: true,
      });
    const find = () => this.find(pipelineId);
    const digest = digestOf(pipelineId).slice(0, DIGITS);
    const { value } = await this.#marks.once('anchor', digest, find, create);
    return value.recurring_run_id;
  }
}

function anchorName(pipelineId: string): string {
  return `${ANCHOR_PREFIX}${digestOf(pipelineId).slice(0, DIGITS)}`;
}

/** The experiment of our runs; its name is unique, so making it twice is a conflict that we read. */
export async function findOrMakeExperiment(api: KfpApi): Promise<string> {
  const { experiment } = api.settings;
  const find = async () => {
    const { value } = await api.experiments([
      { key: 'display_name', operation: 'EQUALS', value: experiment },
    ]);
    return value[0]?.experiment_id ?? null;
  };
  const found = await find();
  if (found !== null) return found;
  try {
    return (await api.createExperiment(experiment, 'Runs that Orrery started')).experiment_id;
  } catch (error) {
    const again = hasCode(error, 'NAME_TAKEN') ? await find() : null;
    if (again === null) throw error;
    return again;
  }
}
