import {
  CreateTrainingJobCommand,
  DescribeTrainingJobCommand,
  StopTrainingJobCommand,
} from '@aws-sdk/client-sagemaker';
import type {
  Channel,
  CreateTrainingJobRequest,
  DescribeTrainingJobResponse,
  ResourceConfig,
  StoppingCondition,
} from '@aws-sdk/client-sagemaker';
import type { ArtifactRef } from '../../core/ports/artifacts.ts';
import type { JobIntent } from '../../core/ports/compute.ts';
import { asked, awsError, isMissing } from '../connections/aws/errors.ts';
import type { FarSide } from './far-side.ts';
import { instanceFor } from './instances.ts';
import { checkpointUri, environmentOf, filesUri, outputPath, scriptCommand } from './job-files.ts';
import type { ResolvedProgram } from './job-files.ts';
import { channelOf, SCRIPT_CHANNEL, TRAINING_FOLDERS } from './job-script.ts';
import type { RemoteJob } from './remote-job.ts';
import type { SagemakerSettings } from './settings.ts';
import { workTags } from './tags.ts';

/** Where the files of a training job lie that the service uploads uncompressed. */
export function trainingOutputUri(far: FarSide, name: string): string {
  return `${outputPath(far)}/${name}/output/model`;
}

/** @throws the SDK's own errors, for the caller to adopt on ResourceInUse */
export async function createTrainingJob(
  far: FarSide,
  intent: JobIntent,
  program: ResolvedProgram,
): Promise<string> {
  const request = trainingRequest(far, intent, program);
  const reply = await far.sagemaker.send(new CreateTrainingJobCommand(request));
  return reply.TrainingJobArn ?? '';
}

function trainingRequest(
  far: FarSide,
  intent: JobIntent,
  program: ResolvedProgram,
): CreateTrainingJobRequest {
  const { settings } = far;
  const { key, spec } = intent;
  const checkpoints = checkpointUri(far, spec.checkpointScope);
  return {
    TrainingJobName: key,
    RoleArn: settings.roleArn,
    AlgorithmSpecification: {
      TrainingImage: program.image,
      TrainingInputMode: 'File',
      ContainerEntrypoint: scriptCommand(TRAINING_FOLDERS),
      ContainerArguments: [...program.command],
    },
    InputDataConfig: channels(far, key, spec.inputs),
    OutputDataConfig: { S3OutputPath: outputPath(far), CompressionType: 'NONE' },
    ResourceConfig: resourceConfig(settings, spec.resources),
    StoppingCondition: stoppingCondition(settings, spec.timeoutSeconds),
    EnableManagedSpotTraining: settings.spot !== undefined,
    ...(checkpoints === null
      ? {}
      : {
          CheckpointConfig: { S3Uri: checkpoints, LocalPath: TRAINING_FOLDERS.checkpoints },
        }),
    ...(settings.network === undefined ? {} : { VpcConfig: vpcConfig(settings.network) }),
    Environment: environmentOf(intent),
    Tags: workTags({ ...intent, labels: spec.labels }),
  };
}

/** The script's channel, and one for each input. */
export function channels(
  far: FarSide,
  key: string,
  inputs: Readonly<Record<string, ArtifactRef>>,
): Channel[] {
  const channel = (name: string, uri: string): Channel => ({
    ChannelName: name,
    DataSource: {
      S3DataSource: {
        S3DataType: 'S3Prefix',
        S3Uri: uri,
        S3DataDistributionType: 'FullyReplicated',
      },
    },
  });
  return [
    channel(SCRIPT_CHANNEL, `${filesUri(far, key)}/`),
    ...Object.values(inputs).map(({ uri }, at) => channel(channelOf(at), uri)),
  ];
}

export function resourceConfig(
  settings: SagemakerSettings,
  resources: { readonly cpus: number; readonly memoryMiB: number },
): ResourceConfig {
  const { type } = instanceFor(resources, settings.instances);
  return {
    // The types that the SDK lists are those of its release; the far side knows the rest.
    InstanceType: type as NonNullable<ResourceConfig['InstanceType']>,
    InstanceCount: settings.instanceCount,
    VolumeSizeInGB: settings.volumeGiB,
    ...(settings.keepAliveSeconds === 0
      ? {}
      : { KeepAlivePeriodInSeconds: settings.keepAliveSeconds }),
  };
}

/** MaxWaitTimeInSeconds covers waiting and running, and is not less than MaxRuntimeInSeconds. */
export function stoppingCondition(
  { spot }: SagemakerSettings,
  timeoutSeconds: number,
): StoppingCondition {
  return {
    MaxRuntimeInSeconds: timeoutSeconds,
    ...(spot === undefined ? {} : { MaxWaitTimeInSeconds: timeoutSeconds + spot.waitSecondsMax }),
  };
}

export function vpcConfig(network: NonNullable<SagemakerSettings['network']>) {
  return { Subnets: [...network.subnets], SecurityGroupIds: [...network.securityGroups] };
}

/** null when there is no such job. */
export async function describeTrainingJob(far: FarSide, name: string): Promise<RemoteJob | null> {
  try {
    const command = new DescribeTrainingJobCommand({ TrainingJobName: name });
    return remoteJob(far, await far.sagemaker.send(command));
  } catch (error) {
    if (isMissing(error)) return null;
    throw awsError(error, `read training job "${name}"`);
  }
}

export async function stopTrainingJob(far: FarSide, name: string): Promise<void> {
  const command = new StopTrainingJobCommand({ TrainingJobName: name });
  await asked(`stop training job "${name}"`, far.sagemaker.send(command));
}

function remoteJob(far: FarSide, told: DescribeTrainingJobResponse): RemoteJob {
  const name = told.TrainingJobName ?? '';
  const transitions = told.SecondaryStatusTransitions ?? [];
  const { TrainingTimeInSeconds: trained, BillableTimeInSeconds: billed } = told;
  const spot = told.EnableManagedSpotTraining === true;
  return {
    service: 'training',
    name,
    arn: told.TrainingJobArn ?? '',
    status: told.TrainingJobStatus ?? '',
    secondary: told.SecondaryStatus ?? '',
    transitions: transitions.length,
    message: transitions.at(-1)?.StatusMessage ?? '',
    failure: told.FailureReason ?? '',
    startedAt: told.TrainingStartTime ?? null,
    billableSeconds: billableSeconds(far, told),
    savedShare: spot && billed !== undefined && trained ? 1 - billed / trained : null,
    instance: told.ResourceConfig?.InstanceType,
    outputUri: trainingOutputUri(far, name),
  };
}

/** No machine is held in these. */
const FREE = new Set(['Starting', 'Pending', 'Interrupted', 'LaunchingMLInstances']);
const MS_PER_SECOND = 1_000;

/**
 * `BillableTimeInSeconds` × machines at the end, with what a warm pool kept; before that the sum of
 * the stretches that hold machines, and for spot the share of it that the settings expect.
 */
function billableSeconds({ settings }: FarSide, told: DescribeTrainingJobResponse): number {
  const machines = told.ResourceConfig?.InstanceCount ?? 1;
  const kept = told.WarmPoolStatus?.ResourceRetainedBillableTimeInSeconds ?? 0;
  const billed = told.BillableTimeInSeconds;
  if (billed !== undefined) return (billed + kept) * machines;
  const now = Date.now();
  const heldMs = (told.SecondaryStatusTransitions ?? [])
    .filter(({ Status = '' }) => !FREE.has(Status))
    .map(({ StartTime, EndTime }) => (EndTime?.getTime() ?? now) - (StartTime?.getTime() ?? now))
    .reduce((sum, span) => sum + Math.max(span, 0), 0);
  const share = told.EnableManagedSpotTraining === true ? (settings.spot?.billedShare ?? 1) : 1;
  return Math.floor(heldMs / MS_PER_SECOND) * machines * share;
}
