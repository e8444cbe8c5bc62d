import { createCustomJob, shown } from './job-service.ts';
import { LIVE_STATES } from './life.ts';
import type { LifeState } from './life.ts';
import { jsonOf, ROOT, timestamp } from './protos.ts';
import type { Message } from './protos.ts';
import { StatusError } from './wire.ts';
import type { Handlers } from './wire.ts';
import { labelsOf } from './world.ts';
import type { JobResource, VertexWorld } from './world.ts';

const ID_PATTERN = /^[a-z0-9-]{1,127}$/;
type Run = ReturnType<VertexWorld['pipelineJobs']['get']>;
type Json = Readonly<Record<string, unknown>>;

/** google.cloud.aiplatform.v1.PipelineService, as far as pipeline jobs go. */
export function pipelineService(world: VertexWorld): Handlers {
  return {
    CreatePipelineJob: ({ parent, pipelineJob, pipelineJobId }) => {
      const id = String(pipelineJobId ?? world.newId());
      if (!ID_PATTERN.test(id)) {
        throw new StatusError('INVALID_ARGUMENT', `pipeline_job_id "${id}" is invalid.`);
      }
      const name = `${String(parent)}/pipelineJobs/${id}`;
      if (world.pipelineJobs.items.has(name)) {
        throw new StatusError('ALREADY_EXISTS', `PipelineJob ${name} already exists.`);
      }
      return shownRun(world, createRun(world, String(parent), name, pipelineJob as Message), true);
    },
    GetPipelineJob: ({ name }) => shownRun(world, world.pipelineJobs.get(name), true),
    ListPipelineJobs: (request) => {
      const { page, nextPageToken } = world.pipelineJobs.list(request);
      return { pipelineJobs: page.map((run) => shownRun(world, run, false)), nextPageToken };
    },
    CancelPipelineJob: ({ name }) => {
      const run = world.pipelineJobs.get(name);
      if (LIVE_STATES.includes(stateOf(world, run))) {
        run.cancelAsked = true;
        for (const job of run.jobs) job.life.cancel(world.now());
      }
      world.note('cancel-asked', run);
      return {};
    },
    DeletePipelineJob: ({ name }) => {
      const run = world.pipelineJobs.get(name);
      if (LIVE_STATES.includes(stateOf(world, run))) {
        throw new StatusError('FAILED_PRECONDITION', `The pipeline job "${run.name}" is active.`);
      }
      return world.startOperation(run.name, () => {
        world.pipelineJobs.delete(run.name);
        world.note('deleted', run);
        return { type: 'google.protobuf.Empty', message: {} };
      });
    },
  };
}

/** Starts one job for each executor; what a container executor would be is a job of the double too. */
function createRun(world: VertexWorld, parent: string, name: string, message: Message): Run {
  const template = message['templateUri'];
  const found = template === undefined ? undefined : world.script.templates[String(template)];
  if (template !== undefined && found === undefined) {
    throw new StatusError('NOT_FOUND', `The template "${String(template)}" was not found.`);
  }
  const runtime = message['runtimeConfig'] as Message | undefined;
  if (!runtime?.['gcsOutputDirectory']) {
    throw new StatusError('INVALID_ARGUMENT', 'runtime_config.gcs_output_directory is required.');
  }
  const spec = (found ?? jsonOf({ fields: {}, ...(message['pipelineSpec'] as Message) })) as Json;
  const info = spec['pipelineInfo'] as Json | undefined;
  if (typeof info?.['name'] !== 'string' || spec['root'] === undefined) {
    throw new StatusError(
      'INVALID_ARGUMENT',
      'The pipeline spec has no pipelineInfo.name or root.',
    );
  }
  const labels = labelsOf(message);
  const jobs = Object.values(executorsOf(spec)).map((executor) =>
    createCustomJob(world, parent, jobOf(executor, labels, info['name'] as string), name),
  );
  const run = {
    name,
    labels,
    message,
    bornAt: world.birth(),
    hiddenFor: world.script.listLag,
    cancelAsked: false,
    jobs,
  };
  world.pipelineJobs.add(run);
  world.note('created', run);
  return run;
}

function executorsOf(spec: Json): Readonly<Record<string, Json>> {
  const deployment = (spec['deploymentSpec'] ?? {}) as Json;
  return (deployment['executors'] ?? {}) as Record<string, Json>;
}

/** The custom job that an executor stands for; it is read by Google's own type. */
function jobOf(executor: Json, labels: Record<string, string>, pipelineName: string): Message {
  const custom = (executor['customJob'] as Json | undefined)?.['customJob'];
  if (custom !== undefined) {
    const type = ROOT.lookupType('google.cloud.aiplatform.v1.CustomJob');
    const message = type.fromObject(withDurations(custom) as Message);
    return type.toObject(message, { enums: String, longs: String });
  }
  const container = executor['container'] as Json;
  const payload = ((container['args'] ?? []) as string[]).at(
    ((container['args'] ?? []) as string[]).indexOf('--payload') + 1,
  );
  if (payload?.startsWith('{') === true) {
    return jobOf({ customJob: { customJob: JSON.parse(payload) as Json } }, labels, pipelineName);
  }
  return {
    displayName: pipelineName,
    labels: { ...labels, 'orrery-version': pipelineName },
    jobSpec: {
      workerPoolSpecs: [
        {
          machineSpec: { machineType: 'e2-standard-4' },
          containerSpec: { imageUri: String(container['image']) },
        },
      ],
    },
  };
}

/** JSON writes a duration as `"60s"`; everything else of a custom job reads the same as the message. */
function withDurations(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(withDurations);
  const members = Object.entries(json).map(([name, member]) => {
    const isDuration = name === 'timeout' || name === 'maxWaitDuration';
    if (!isDuration) return [name, withDurations(member)] as const;
    const [, seconds] = /^([0-9]+)s$/.exec(String(member)) ?? [];
    if (seconds === undefined) {
      throw new StatusError('INVALID_ARGUMENT', `${name} "${String(member)}" is no duration.`);
    }
    return [name, { seconds, nanos: 0 }] as const;
  });
  return Object.fromEntries(members);
}

function stateOf(world: VertexWorld, run: Run): LifeState {
  const now = world.now();
  const states = run.jobs.map(({ life }) => life.stateAt(now));
  if (states.some((state) => LIVE_STATES.includes(state))) {
    if (run.cancelAsked) return 'CANCELLING';
    return states.every((state) => state === 'PENDING') ? 'PENDING' : 'RUNNING';
  }
  if (states.some((state) => state === 'FAILED' || state === 'EXPIRED')) return 'FAILED';
  if (!states.includes('CANCELLED')) return 'SUCCEEDED';
  return run.cancelAsked ? 'CANCELLED' : 'FAILED';
}

function shownRun(world: VertexWorld, run: Run, inDetail: boolean): Message {
  const state = stateOf(world, run);
  const jobs = run.jobs.map((job) => shown(world, job));
  const failed = jobs.find((job) => job['error'] !== undefined);
  const isOver = !LIVE_STATES.includes(state);
  const lastEnd = jobs.at(-1)?.['endTime'];
  return {
    ...run.message,
    name: run.name,
    state: `PIPELINE_STATE_${state}`,
    createTime: timestamp(run.bornAt),
    startTime: timestamp(run.bornAt),
    updateTime: timestamp(world.now()),
    ...(isOver && lastEnd !== undefined && { endTime: lastEnd }),
    ...(isOver && failed && { error: failed['error'] }),
    ...(inDetail && {
      jobDetail: { taskDetails: run.jobs.map((job, at) => task(world, job, at)) },
    }),
  };
}

function task(world: VertexWorld, job: JobResource, at: number): Message {
  const state = job.life.stateAt(world.now());
  const restarts = job.life.course.restarts ?? 0;
  const failedJobs = Array.from({ length: restarts }, (_, nth) => `${job.name}-failed-${nth + 1}`);
  const { error, startTime, endTime } = shown(world, job);
  return {
    taskId: String(at + 1),
    taskName: `step-${at + 1}`,
    state: TASK_STATES[state],
    executorDetail: { customJobDetail: { job: job.name, failedJobs } },
    ...(startTime !== undefined && { startTime }),
    ...(endTime !== undefined && { endTime }),
    ...(error !== undefined && { error }),
    inputs: { dataset: { artifacts: [artifact('dataset', 'gs://data/table', 'system.Dataset')] } },
    ...(state === 'SUCCEEDED' && {
      outputs: {
        model: { artifacts: [artifact('model', `gs://runs/${at}/model`, 'system.Model')] },
      },
    }),
  };
}

const artifact = (name: string, uri: string, schemaTitle: string): Message => ({
  name: `projects/p/locations/l/metadataStores/default/artifacts/${name}`,
  displayName: name,
  uri,
  schemaTitle,
});

const TASK_STATES: Readonly<Record<LifeState, string>> = {
  PENDING: 'PENDING',
  RUNNING: 'RUNNING',
  CANCELLING: 'CANCELLING',
  SUCCEEDED: 'SUCCEEDED',
  PARTIALLY_SUCCEEDED: 'SUCCEEDED',
  FAILED: 'FAILED',
  EXPIRED: 'FAILED',
  CANCELLED: 'CANCELLED',
};
