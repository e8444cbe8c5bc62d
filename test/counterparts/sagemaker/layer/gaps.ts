/**
 * Every point at which the layer stands in for moto, with the document that it follows. Each probe
 * asks a bare moto and tells whether the gap is still there: when it no longer is, the fidelity test
 * fails and the layer's part can go.
 */
import * as sdk from '@aws-sdk/client-sagemaker';

import { absent, accepted, least, ranBare, servedBare, trainedBare } from './bare-moto.ts';
import type { Bare } from './bare-moto.ts';

const API = 'https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_';

/** By then every job has ended. */
const LONG_SECONDS = 600;

export interface Gap {
  /** Operation of the API, and the member where it is one. */
  readonly operation: string;
  /** What moto does, against what the document says. */
  readonly gap: string;
  readonly document: string;
  /** File of the layer that fills it. */
  readonly filledBy: string;
  /** Whether bare moto still does it so. Null for a race, which no fixed order of calls shows. */
  readonly probe: ((moto: Bare) => Promise<boolean>) | null;
}

const gap = (
  operation: string,
  filledBy: string,
  text: string,
  probe: Gap['probe'],
  document = `${API}${operation.split('.')[0]}.html`,
): Gap => ({ operation, gap: text, document, filledBy, probe });

/** Operations that moto does not have. */
const MISSING: readonly Gap[] = [
  gap('StopTrainingJob', 'training.ts', 'is not there', ({ client }) =>
    absent(client.send(new sdk.StopTrainingJobCommand({ TrainingJobName: 'any' }))),
  ),
  gap('StopHyperParameterTuningJob', 'tuning.ts', 'is not there', ({ client }) =>
    absent(
      client.send(
        new sdk.StopHyperParameterTuningJobCommand({ HyperParameterTuningJobName: 'any' }),
      ),
    ),
  ),
  gap('ListTrainingJobsForHyperParameterTuningJob', 'tuning.ts', 'is not there', ({ client }) =>
    absent(
      client.send(
        new sdk.ListTrainingJobsForHyperParameterTuningJobCommand({
          HyperParameterTuningJobName: 'any',
        }),
      ),
    ),
  ),
  gap('ListPipelineExecutionSteps', 'pipelines.ts', 'is not there', ({ client }) =>
    absent(client.send(new sdk.ListPipelineExecutionStepsCommand({ PipelineExecutionArn: 'any' }))),
  ),
  gap('StopPipelineExecution', 'pipelines.ts', 'is not there', ({ client }) =>
    absent(
      client.send(
        new sdk.StopPipelineExecutionCommand({
          PipelineExecutionArn: 'any',
          ClientRequestToken: 't'.repeat(32),
        }),
      ),
    ),
  ),
  gap('RetryPipelineExecution', 'pipelines.ts', 'is not there', ({ client }) =>
    absent(
      client.send(
        new sdk.RetryPipelineExecutionCommand({
          PipelineExecutionArn: 'any',
          ClientRequestToken: 't'.repeat(32),
        }),
      ),
    ),
  ),
  gap('SendPipelineExecutionStepFailure', 'pipelines.ts', 'is not there', ({ client }) =>
    absent(client.send(new sdk.SendPipelineExecutionStepFailureCommand({ CallbackToken: 'any' }))),
  ),
  gap('UpdateEndpoint', 'endpoints.ts', 'is not there', ({ client }) =>
    absent(
      client.send(
        new sdk.UpdateEndpointCommand({ EndpointName: 'any', EndpointConfigName: 'any' }),
      ),
    ),
  ),
];

/** Names that may be taken twice, and tokens that are not looked at. */
const TAKEN_TWICE: readonly Gap[] = [
  gap('CreateTrainingJob', 'training.ts', 'takes a name twice', async ({ client, fresh }) => {
    const name = fresh('train');
    await client.send(least.training(name));
    return accepted(client.send(least.training(name)));
  }),
  gap('CreateProcessingJob', 'processing.ts', 'takes a name twice', async ({ client, fresh }) => {
    const name = fresh('process');
    await client.send(least.processing(name));
    return accepted(client.send(least.processing(name)));
  }),
  gap('CreateModel', 'endpoints.ts', 'takes a name twice', async ({ client, fresh }) => {
    const name = fresh('model');
    await client.send(least.model(name));
    return accepted(client.send(least.model(name)));
  }),
  gap('CreateEndpointConfig', 'endpoints.ts', 'takes a name twice', async (moto) => {
    const { config, model } = await servedBare(moto);
    return accepted(moto.client.send(least.config(config, [model])));
  }),
  gap('CreateEndpoint', 'endpoints.ts', 'takes a name twice', async (moto) =>
    accepted((await servedBare(moto)).create()),
  ),
  gap(
    'StartPipelineExecution.ClientRequestToken',
    'pipelines.ts',
    'starts a second run for the same token',
    async (moto) => {
      const { start } = await ranBare(moto);
      const [one, other] = [await start('b'.repeat(32)), await start('b'.repeat(32))];
      return one.PipelineExecutionArn !== other.PipelineExecutionArn;
    },
  ),
  gap(
    'PutObject.IfNoneMatch',
    'server.ts',
    'compares and then writes, so two of several writers at one moment may both win (about 1 in 150 times with 8)',
    null,
    'https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html',
  ),
];

/** Lives, times and members that are not told. */
const UNTOLD: readonly Gap[] = [
  gap(
    'DescribeTrainingJob.TrainingJobStatus',
    'life.ts',
    'Completed at once; never InProgress, Failed, Stopping or Stopped',
    async (moto) => (await trainedBare(moto)).TrainingJobStatus === 'Completed',
  ),
  gap(
    'DescribeTrainingJob.SecondaryStatusTransitions',
    'life.ts',
    'Starting alone; no Downloading, Training, Interrupted, Uploading',
    async (moto) =>
      (await trainedBare(moto, LONG_SECONDS)).SecondaryStatusTransitions?.length === 1,
  ),
  gap(
    'DescribeTrainingJob.BillableTimeInSeconds',
    'training.ts',
    'no billed and no training time',
    async (moto) => {
      const told = await trainedBare(moto, LONG_SECONDS);
      return told.BillableTimeInSeconds === undefined && told.TrainingTimeInSeconds === undefined;
    },
  ),
  gap('DescribeTrainingJob.Environment', 'training.ts', 'is dropped', async (moto) => {
    const told = await trainedBare(moto, 0, { Environment: { A: 'b' } });
    return told.Environment === undefined;
  }),
  gap(
    'CreateTrainingJob.StoppingCondition',
    'training.ts',
    'managed spot is taken without MaxWaitTimeInSeconds',
    async ({ client, fresh }) =>
      accepted(client.send(least.training(fresh('spot'), { EnableManagedSpotTraining: true }))),
    `${API}StoppingCondition.html`,
  ),
  gap(
    'DescribeProcessingJob.ProcessingJobStatus',
    'processing.ts',
    'Completed at once, without a start time',
    async ({ client, fresh }) => {
      const name = fresh('process');
      await client.send(least.processing(name));
      const told = await client.send(
        new sdk.DescribeProcessingJobCommand({ ProcessingJobName: name }),
      );
      return told.ProcessingJobStatus === 'Completed' && told.ProcessingStartTime === undefined;
    },
  ),
  gap(
    'DescribeHyperParameterTuningJob',
    'tuning.ts',
    'Completed at once with the best trial "FakeTrainingJobName", and no trial is started',
    async ({ client, fresh }) => {
      const name = fresh('t').slice(0, 32);
      await client.send(least.search(name));
      const told = await client.send(
        new sdk.DescribeHyperParameterTuningJobCommand({ HyperParameterTuningJobName: name }),
      );
      return told.HyperParameterTuningJobStatus === 'Completed';
    },
  ),
  gap(
    'CreateHyperParameterTuningJob.HyperParameterTuningJobName',
    'tuning.ts',
    'takes names of more than 32 characters',
    async ({ client, fresh }) =>
      accepted(client.send(least.search(`${fresh('t')}${'x'.repeat(32)}`))),
  ),
  gap(
    'DescribePipelineExecution.PipelineExecutionStatus',
    'pipelines.ts',
    'Succeeded at once; never Executing, Failed, Stopping or Stopped',
    async (moto) => {
      const { arn } = await ranBare(moto);
      const told = await moto.client.send(
        new sdk.DescribePipelineExecutionCommand({ PipelineExecutionArn: arn }),
      );
      return told.PipelineExecutionStatus === 'Succeeded';
    },
  ),
  gap(
    'ListPipelineExecutions.MaxResults',
    'pipelines.ts',
    'answers with all runs, oldest first, whatever is asked for',
    async (moto) => {
      const { name, start } = await ranBare(moto);
      await start('b'.repeat(32));
      const told = await moto.client.send(
        new sdk.ListPipelineExecutionsCommand({ PipelineName: name, MaxResults: 1 }),
      );
      return told.PipelineExecutionSummaries?.length === 2;
    },
  ),
  gap(
    'CreateEndpointConfig.ShadowProductionVariants',
    'endpoints.ts',
    'is dropped',
    async ({ client, fresh }) => {
      const [model, config] = [fresh('model'), fresh('config')];
      await client.send(least.model(model));
      await client.send(least.config(config, [model], model));
      const told = await client.send(
        new sdk.DescribeEndpointConfigCommand({ EndpointConfigName: config }),
      );
      return told.ShadowProductionVariants === undefined;
    },
  ),
  gap(
    'CreateEndpointConfig.ProductionVariants',
    'endpoints.ts',
    'a shadow is taken beside two production variants',
    async ({ client, fresh }) => {
      const model = fresh('model');
      await client.send(least.model(model));
      return accepted(client.send(least.config(fresh('config'), [model, model], model)));
    },
  ),
  gap(
    'DescribeEndpoint.EndpointStatus',
    'endpoints.ts',
    'InService at once; never Creating or Failed',
    async (moto) => {
      const { endpoint } = await servedBare(moto);
      const told = await moto.client.send(
        new sdk.DescribeEndpointCommand({ EndpointName: endpoint }),
      );
      return told.EndpointStatus === 'InService';
    },
  ),
];

export const GAPS: readonly Gap[] = [...MISSING, ...TAKEN_TWICE, ...UNTOLD];
