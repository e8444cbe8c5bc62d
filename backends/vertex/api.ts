/**
 * The calls that the ports make, each tried once, each with a deadline, each error with a code. What
 * is expected of a call is part of its answer: nothing for what is not there, null for a name that is
 * taken.
 */
import { EndpointServiceClient } from '@google-cloud/aiplatform/build/src/v1/endpoint_service_client.js';
import { JobServiceClient } from '@google-cloud/aiplatform/build/src/v1/job_service_client.js';
import { ModelServiceClient } from '@google-cloud/aiplatform/build/src/v1/model_service_client.js';
import { PipelineServiceClient } from '@google-cloud/aiplatform/build/src/v1/pipeline_service_client.js';
import type { GoogleAccess } from '../connections/google/clients.ts';
import { googleError, isStatus } from '../connections/google/errors.ts';
import { parentOf } from '../connections/google/settings.ts';
import type { GoogleConnection } from '../connections/google/settings.ts';
import type { VertexApi, WorkApi } from './calls.ts';
import type { CustomJob, Operation, TuningJob } from './messages.ts';

/** Most items of one kind that one list reads. */
export const LIST_ITEMS_MAX = 5000;
const PAGE_ITEMS = 100;

/** Google's own clients, one for each service. */
export interface VertexClients {
  readonly jobs: JobServiceClient;
  readonly pipelines: PipelineServiceClient;
  readonly endpoints: EndpointServiceClient;
  readonly models: ModelServiceClient;
}

/** Nothing is sent before the first call. */
export function createClients({ clientOptions }: GoogleAccess): VertexClients {
  return {
    jobs: new JobServiceClient(clientOptions),
    pipelines: new PipelineServiceClient(clientOptions),
    endpoints: new EndpointServiceClient(clientOptions),
    models: new ModelServiceClient(clientOptions),
  };
}

export function createApi(connection: GoogleConnection, clients: VertexClients): VertexApi {
  const { jobs, pipelines, endpoints, models } = clients;
  const context: Context = {
    parent: parentOf(connection),
    // Pages are asked for one by one, as they are wanted.
    options: { timeout: connection.callTimeoutSeconds * 1000, autoPaginate: false },
  };
  return {
    customJobs: customJobApi(jobs, context),
    tuningJobs: tuningJobApi(jobs, context),
    pipelineJobs: pipelineJobApi(pipelines, context),
    endpoints: endpointApi(endpoints, context),
    models: modelApi(models, context),
    operations: operationApi(endpoints, context),
    close: async () => {
      await Promise.all([jobs, pipelines, endpoints, models].map((client) => client.close()));
    },
  };
}

interface Context {
  readonly parent: string;
  readonly options: { readonly timeout: number; readonly autoPaginate: boolean };
}

/** @throws OrreryError with the code of the status */
async function call<T>(action: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw googleError(action, error);
  }
}

/** Like `call`, with null for an error that is expected. */
async function callUnless<T>(
  action: string,
  isExpected: (error: unknown) => boolean,
  run: () => Promise<T>,
): Promise<T | null> {
  try {
    return await run();
  } catch (error) {
    if (isExpected(error)) return null;
    throw googleError(action, error);
  }
}
const isAbsent = (error: unknown) => isStatus(error, 'NOT_FOUND');
const isTaken = (error: unknown) => isStatus(error, 'ALREADY_EXISTS');
/** Cancelling what has ended is refused by some states and taken by others. */
const isOver = (error: unknown) => isStatus(error, 'NOT_FOUND', 'FAILED_PRECONDITION');
/** An endpoint runs one operation at a time. */
const isBusy = (error: unknown) =>
  isStatus(error, 'FAILED_PRECONDITION', 'ABORTED') &&
  /other operations? (are |is )?running/i.test(String((error as { details?: string }).details));

async function collect<T>(items: AsyncIterable<T>, itemsMax: number): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) {
    found.push(item);
    if (found.length >= itemsMax) break;
  }
  return found;
}

function customJobApi(client: JobServiceClient, { parent, options }: Context): WorkApi<CustomJob> {
  return {
    create: (customJob) =>
      call(`create the custom job "${customJob.displayName}"`, async () => {
        const [job] = await client.createCustomJob({ parent, customJob }, options);
        return job;
      }),
    get: (name) =>
      callUnless(
        `read ${name}`,
        isAbsent,
        async () => (await client.getCustomJob({ name }, options))[0],
      ),
    list: (filter, itemsMax = LIST_ITEMS_MAX) =>
      call(`list custom jobs with ${filter}`, () => {
        const pageSize = Math.min(itemsMax, PAGE_ITEMS);
        return collect(client.listCustomJobsAsync({ parent, filter, pageSize }, options), itemsMax);
      }),
    cancel: async (name) => {
      await callUnless(`cancel ${name}`, isOver, () => client.cancelCustomJob({ name }, options));
    },
  };
}

function tuningJobApi(client: JobServiceClient, { parent, options }: Context): WorkApi<TuningJob> {
  return {
    create: (hyperparameterTuningJob) =>
      call(`create the search "${hyperparameterTuningJob.displayName}"`, async () => {
        const request = { parent, hyperparameterTuningJob };
        return (await client.createHyperparameterTuningJob(request, options))[0];
      }),
    get: (name) =>
      callUnless(
        `read ${name}`,
        isAbsent,
        async () => (await client.getHyperparameterTuningJob({ name }, options))[0],
      ),
    list: (filter, itemsMax = LIST_ITEMS_MAX) =>
      call(`list searches with ${filter}`, () => {
        const request = { parent, filter, pageSize: Math.min(itemsMax, PAGE_ITEMS) };
        return collect(client.listHyperparameterTuningJobsAsync(request, options), itemsMax);
      }),
    cancel: async (name) => {
      await callUnless(`cancel ${name}`, isOver, () =>
        client.cancelHyperparameterTuningJob({ name }, options),
      );
    },
  };
}

function pipelineJobApi(
  client: PipelineServiceClient,
  { parent, options }: Context,
): VertexApi['pipelineJobs'] {
  return {
    create: (pipelineJobId, pipelineJob) =>
      callUnless(`create the pipeline run ${pipelineJobId}`, isTaken, async () => {
        const request = { parent, pipelineJob, pipelineJobId };
        return (await client.createPipelineJob(request, options))[0];
      }),
    get: (name) =>
      callUnless(
        `read ${name}`,
        isAbsent,
        async () => (await client.getPipelineJob({ name }, options))[0],
      ),
    list: (filter, itemsMax = LIST_ITEMS_MAX) =>
      call(`list pipeline runs with ${filter}`, () => {
        const request = { parent, filter, pageSize: Math.min(itemsMax, PAGE_ITEMS) };
        return collect(client.listPipelineJobsAsync(request, options), itemsMax);
      }),
    cancel: async (name) => {
      await callUnless(`cancel ${name}`, isOver, () => client.cancelPipelineJob({ name }, options));
    },
  };
}

function endpointApi(
  client: EndpointServiceClient,
  { parent, options }: Context,
): VertexApi['endpoints'] {
  return {
    get: (name) =>
      callUnless(
        `read ${name}`,
        isAbsent,
        async () => (await client.getEndpoint({ name }, options))[0],
      ),
    list: (filter) =>
      call(`list endpoints with ${filter}`, () => {
        const request = { parent, filter, pageSize: PAGE_ITEMS };
        return collect(client.listEndpointsAsync(request, options), LIST_ITEMS_MAX);
      }),
    create: (endpointId, endpoint) =>
      callUnless(`create the endpoint "${endpoint.displayName}"`, isTaken, async () => {
        const [operation] = await client.createEndpoint({ parent, endpoint, endpointId }, options);
        return operation.latestResponse;
      }),
    update: (endpoint, paths) =>
      callUnless(
        `update ${endpoint.name}`,
        (error) => isStatus(error, 'ABORTED'),
        async () => {
          const updateMask = { paths: [...paths] };
          return (await client.updateEndpoint({ endpoint, updateMask }, options))[0];
        },
      ),
    deploy: (endpoint, deployedModel) =>
      callUnless(
        `deploy ${deployedModel.displayName} to ${endpoint}`,
        (error) => isBusy(error) || isTaken(error),
        async () => {
          const [operation] = await client.deployModel({ endpoint, deployedModel }, options);
          return operation.latestResponse;
        },
      ),
    undeploy: (endpoint, deployedModelId) =>
      callUnless(
        `undeploy ${deployedModelId} from ${endpoint}`,
        (error) => isBusy(error) || isAbsent(error),
        async () => {
          const [operation] = await client.undeployModel({ endpoint, deployedModelId }, options);
          return operation.latestResponse;
        },
      ),
  };
}

function modelApi(client: ModelServiceClient, { parent, options }: Context): VertexApi['models'] {
  return {
    get: (name) =>
      callUnless(
        `read ${name}`,
        isAbsent,
        async () => (await client.getModel({ name }, options))[0],
      ),
    upload: (modelId, model) =>
      callUnless(`upload the model "${model.displayName}"`, isTaken, async () => {
        const [operation] = await client.uploadModel({ parent, model, modelId }, options);
        return operation.latestResponse;
      }),
  };
}

function operationApi(
  client: EndpointServiceClient,
  { options }: Context,
): VertexApi['operations'] {
  return {
    get: (name) =>
      callUnless(`read the operation ${name}`, isAbsent, async () => {
        await client.initialize();
        return (
          await client.operationsClient.getOperation({ name } as never, options)
        )[0] as Operation;
      }),
    running: (resource) =>
      call(`list the operations of ${resource}`, async () => {
        await client.initialize();
        const request = { name: resource, filter: 'done=false', pageSize: PAGE_ITEMS };
        const found = client.operationsClient.listOperationsAsync(request as never, options);
        const operations = await collect(found as AsyncIterable<Operation>, LIST_ITEMS_MAX);
        return operations.filter(({ done }) => done !== true);
      }),
  };
}
