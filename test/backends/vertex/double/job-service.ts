import { errorOf } from './life.ts';
import { settleJob } from './program.ts';
import type { Message } from './protos.ts';
import { trialsOf } from './trials.ts';
import { StatusError } from './wire.ts';
import type { Handlers } from './wire.ts';
import { labelsOf } from './world.ts';
import type { Collection, JobResource, VertexWorld } from './world.ts';

/** google.cloud.aiplatform.v1.JobService: custom jobs and hyper-parameter tuning jobs. */
export function jobService(world: VertexWorld): Handlers {
  const tuning = (job: JobResource) => ({ ...shown(world, job), trials: trialsOf(world, job) });
  return {
    CreateCustomJob: ({ parent, customJob }) =>
      shown(world, createCustomJob(world, String(parent), customJob as Message, null)),
    GetCustomJob: ({ name }) => shown(world, world.customJobs.get(name)),
    ListCustomJobs: (request) => {
      const { page, nextPageToken } = world.customJobs.list(request);
      return { customJobs: page.map((job) => shown(world, job)), nextPageToken };
    },
    CancelCustomJob: ({ name }) => cancelled(world, world.customJobs.get(name)),
    DeleteCustomJob: ({ name }) => deleted(world, world.customJobs, String(name)),
    CreateHyperparameterTuningJob: ({ parent, hyperparameterTuningJob }) => {
      const message = hyperparameterTuningJob as Message;
      world.refuseWithoutCapacity();
      if (Number(message['parallelTrialCount'] ?? 0) > Number(message['maxTrialCount'] ?? 0)) {
        throw new StatusError('INVALID_ARGUMENT', 'parallel_trial_count exceeds max_trial_count.');
      }
      const name = `${String(parent)}/hyperparameterTuningJobs/${world.newId()}`;
      return tuning(add(world, world.tuningJobs, name, message, null));
    },
    GetHyperparameterTuningJob: ({ name }) => tuning(world.tuningJobs.get(name)),
    ListHyperparameterTuningJobs: (request) => {
      const { page, nextPageToken } = world.tuningJobs.list(request);
      return { hyperparameterTuningJobs: page.map(tuning), nextPageToken };
    },
    CancelHyperparameterTuningJob: ({ name }) => cancelled(world, world.tuningJobs.get(name)),
    DeleteHyperparameterTuningJob: ({ name }) => deleted(world, world.tuningJobs, String(name)),
  };
}

/** @param owner the pipeline run that starts it; null when a caller does */
export function createCustomJob(
  world: VertexWorld,
  parent: string,
  message: Message,
  owner: string | null,
): JobResource {
  world.refuseWithoutCapacity();
  const spec = (message['jobSpec'] ?? {}) as Message;
  const [pool] = (spec['workerPoolSpecs'] ?? []) as Message[];
  const machine = (pool?.['machineSpec'] ?? {}) as Message;
  if (machine['machineType'] === undefined) {
    throw new StatusError('INVALID_ARGUMENT', 'Machine type is not specified.');
  }
  if (String(machine['machineType']).startsWith('no-')) {
    throw new StatusError(
      'INVALID_ARGUMENT',
      `Machine type "${String(machine['machineType'])}" is not supported.`,
    );
  }
  const name = `${parent}/customJobs/${world.newId()}`;
  return add(world, world.customJobs, name, message, owner);
}

function add(
  world: VertexWorld,
  into: Collection<JobResource>,
  name: string,
  message: Message,
  owner: string | null,
): JobResource {
  const labels = labelsOf(message);
  for (const [key, value] of Object.entries(labels)) {
    if (/^[a-z][a-z0-9_-]{0,62}$/.test(key) && /^[a-z0-9_-]{0,63}$/.test(value)) continue;
    throw new StatusError('INVALID_ARGUMENT', `The label ${key}=${value} is invalid.`);
  }
  const life = world.newLife(world.courseFor(labels['orrery-version']));
  const hiddenFor = owner === null ? world.script.listLag : 0;
  const job = {
    name,
    labels,
    message,
    life,
    owner,
    hiddenFor,
    bornAt: life.bornAt,
    settled: false,
  };
  into.add(job);
  world.note('created', job);
  return job;
}

export function shown(world: VertexWorld, job: JobResource): Message {
  settleJob(world, job);
  const now = world.now();
  const state = job.life.stateAt(now);
  const error = errorOf(state, job.life.course);
  return {
    ...job.message,
    name: job.name,
    state: `JOB_STATE_${state}`,
    ...job.life.times(now),
    ...(error && { error }),
  };
}

function cancelled(world: VertexWorld, job: JobResource): Message {
  job.life.cancel(world.now());
  world.note('cancel-asked', job);
  return {};
}

function deleted(world: VertexWorld, from: Collection<JobResource>, name: string): Message {
  const job = from.get(name);
  if (job.life.isLive(world.now())) {
    throw new StatusError('FAILED_PRECONDITION', `The job "${name}" is still active.`);
  }
  return world.startOperation(name, () => {
    from.delete(name);
    world.note('deleted', job);
    return { type: 'google.protobuf.Empty', message: {} };
  });
}
