import * as sdk from '@aws-sdk/client-sagemaker';

/** A client of moto, with the layer or without it, and names that nobody has used. */
export interface Bare {
  readonly client: sdk.SageMakerClient;
  /** Lets time pass there, as far as it passes. */
  readonly pass: (seconds: number) => void;
  readonly fresh: (prefix: string) => string;
}

const ROLE = 'arn:aws:iam::123456789012:role/orrery';

/** Requests with the least that moto takes. */
export const least = {
  training: (name: string, more: object = {}) =>
    new sdk.CreateTrainingJobCommand({
      TrainingJobName: name,
      RoleArn: ROLE,
      AlgorithmSpecification: { TrainingInputMode: 'File' },
      OutputDataConfig: { S3OutputPath: 's3://orrery-test/bare' },
      ResourceConfig: { InstanceType: 'ml.m5.large', InstanceCount: 1, VolumeSizeInGB: 1 },
      StoppingCondition: { MaxRuntimeInSeconds: 60 },
      ...more,
    }),
  processing: (name: string) =>
    new sdk.CreateProcessingJobCommand({
      ProcessingJobName: name,
      RoleArn: ROLE,
      AppSpecification: { ImageUri: 'test/image:1' },
      ProcessingResources: {
        ClusterConfig: { InstanceType: 'ml.m5.large', InstanceCount: 1, VolumeSizeInGB: 1 },
      },
    }),
  search: (name: string) =>
    new sdk.CreateHyperParameterTuningJobCommand({
      HyperParameterTuningJobName: name,
      HyperParameterTuningJobConfig: {
        Strategy: 'Random',
        ResourceLimits: { MaxNumberOfTrainingJobs: 1, MaxParallelTrainingJobs: 1 },
        HyperParameterTuningJobObjective: { Type: 'Maximize', MetricName: 'score' },
      },
      TrainingJobDefinition: {
        AlgorithmSpecification: { TrainingInputMode: 'File' },
        RoleArn: ROLE,
        OutputDataConfig: { S3OutputPath: 's3://orrery-test/bare' },
        ResourceConfig: { InstanceType: 'ml.m5.large', InstanceCount: 1, VolumeSizeInGB: 1 },
        StoppingCondition: { MaxRuntimeInSeconds: 60 },
      },
    }),
  model: (name: string) =>
    new sdk.CreateModelCommand({
      ModelName: name,
      ExecutionRoleArn: ROLE,
      PrimaryContainer: { Image: 'test/image:1' },
    }),
  config: (name: string, models: readonly string[], shadow?: string) =>
    new sdk.CreateEndpointConfigCommand({
      EndpointConfigName: name,
      ProductionVariants: models.map(variantOf),
      ...(shadow === undefined ? {} : { ShadowProductionVariants: [variantOf(shadow, 9)] }),
    }),
};

function variantOf(model: string, at: number) {
  return {
    VariantName: `v${at}`,
    ModelName: model,
    InstanceType: 'ml.m5.large' as const,
    InitialInstanceCount: 1,
    InitialVariantWeight: 1,
  };
}

/** Whether a call is answered with success. */
export async function accepted(call: Promise<unknown>): Promise<boolean> {
  return call.then(
    () => true,
    () => false,
  );
}

/** Whether moto has no such operation: it answers 500 with text that is no JSON. */
export async function absent(call: Promise<unknown>): Promise<boolean> {
  return call.then(
    () => false,
    (error: unknown) => {
      const { name, $response } = error as { name: string; $response?: { statusCode?: number } };
      return name === 'SyntaxError' || $response?.statusCode === 500;
    },
  );
}

/** A training job as it is told after some time. */
export async function trainedBare({ client, fresh, pass }: Bare, seconds = 0, more: object = {}) {
  const name = fresh('train');
  await client.send(least.training(name, more));
  pass(seconds);
  return client.send(new sdk.DescribeTrainingJobCommand({ TrainingJobName: name }));
}

/** A pipeline and a run of it. */
export async function ranBare({ client, fresh }: Bare) {
  const name = fresh('pipeline');
  await client.send(
    new sdk.CreatePipelineCommand({
      PipelineName: name,
      PipelineDefinition: '{"Version":"2020-12-01","Steps":[{"Name":"train","Type":"Training"}]}',
      ClientRequestToken: 't'.repeat(32),
      RoleArn: ROLE,
    }),
  );
  const start = (token: string) =>
    client.send(
      new sdk.StartPipelineExecutionCommand({ PipelineName: name, ClientRequestToken: token }),
    );
  const { PipelineExecutionArn: arn } = await start('a'.repeat(32));
  return { name, arn, start };
}

/** An endpoint with one model. */
export async function servedBare({ client, fresh }: Bare) {
  const names = { model: fresh('model'), config: fresh('config'), endpoint: fresh('endpoint') };
  await client.send(least.model(names.model));
  await client.send(least.config(names.config, [names.model]));
  const create = () =>
    client.send(
      new sdk.CreateEndpointCommand({
        EndpointName: names.endpoint,
        EndpointConfigName: names.config,
      }),
    );
  await create();
  return { ...names, create };
}
