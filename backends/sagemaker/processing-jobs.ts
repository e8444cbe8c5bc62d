import {
  CreateProcessingJobCommand,
  DescribeProcessingJobCommand,
  StopProcessingJobCommand,
} from '@aws-sdk/client-sagemaker';
import type {
  DescribeProcessingJobResponse,
  ProcessingInput,
  ProcessingInstanceType,
} from '@aws-sdk/client-sagemaker';
import type { JobIntent } from '../../core/ports/compute.ts';
import { asked, awsError, isMissing } from '../connections/aws/errors.ts';
import type { FarSide } from './far-side.ts';
import { instanceFor } from './instances.ts';
import { environmentOf, filesUri, outputPath, scriptCommand } from './job-files.ts';
import type { ResolvedProgram } from './job-files.ts';
import { channelOf, PROCESSING_FOLDERS, SCRIPT_CHANNEL } from './job-script.ts';
import type { RemoteJob } from './remote-job.ts';
import { workTags } from './tags.ts';
import { vpcConfig } from './training-jobs.ts';

const OUTPUT_NAME = 'outputs';
const MS_PER_SECOND = 1_000;

export function processingOutputUri(far: FarSide, name: string): string {
  return `${outputPath(far)}/${name}/output`;
}

/** @throws the SDK's own errors, for the caller to adopt on ResourceInUse */
export async function createProcessingJob(
  far: FarSide,
  intent: JobIntent,
  program: ResolvedProgram,
): Promise<string> {
  const { settings } = far;
  const { key, spec } = intent;
  const { type } = instanceFor(spec.resources, settings.instances);
  const inputs = Object.values(spec.inputs);
  const command = new CreateProcessingJobCommand({
    ProcessingJobName: key,
    RoleArn: settings.roleArn,
    AppSpecification: {
      ImageUri: program.image,
      ContainerEntrypoint: scriptCommand(PROCESSING_FOLDERS),
      ContainerArguments: [...program.command],
    },
    ProcessingInputs: [
      input(SCRIPT_CHANNEL, `${filesUri(far, key)}/`),
      ...inputs.map(({ uri }, at) => input(channelOf(at), uri)),
    ],
    ProcessingOutputConfig: {
      Outputs: [
        {
          OutputName: OUTPUT_NAME,
          S3Output: {
            S3Uri: processingOutputUri(far, key),
            LocalPath: PROCESSING_FOLDERS.results,
            S3UploadMode: 'EndOfJob',
          },
        },
      ],
    },
    ProcessingResources: {
      ClusterConfig: {
        InstanceType: type as ProcessingInstanceType,
        InstanceCount: settings.instanceCount,
        VolumeSizeInGB: settings.volumeGiB,
      },
    },
    StoppingCondition: { MaxRuntimeInSeconds: spec.timeoutSeconds },
    ...(settings.network === undefined
      ? {}
      : { NetworkConfig: { VpcConfig: vpcConfig(settings.network) } }),
    Environment: environmentOf(intent),
    Tags: workTags({ ...intent, labels: spec.labels }),
  });
  return (await far.sagemaker.send(command)).ProcessingJobArn ?? '';
}

function input(name: string, uri: string): ProcessingInput {
  return {
    InputName: name,
    S3Input: {
      S3Uri: uri,
      LocalPath: `${PROCESSING_FOLDERS.channels}/${name}`,
      S3DataType: 'S3Prefix',
      S3InputMode: 'File',
    },
  };
}

/** null when there is no such job. */
export async function describeProcessingJob(far: FarSide, name: string): Promise<RemoteJob | null> {
  try {
    const command = new DescribeProcessingJobCommand({ ProcessingJobName: name });
    return remoteJob(far, await far.sagemaker.send(command));
  } catch (error) {
    if (isMissing(error)) return null;
    throw awsError(error, `read processing job "${name}"`);
  }
}

export async function stopProcessingJob(far: FarSide, name: string): Promise<void> {
  const command = new StopProcessingJobCommand({ ProcessingJobName: name });
  await asked(`stop processing job "${name}"`, far.sagemaker.send(command));
}

/** Processing has no finer status; one that was stopped at its limit says so by its length alone. */
function secondaryOf(told: DescribeProcessingJobResponse, seconds: number): string {
  const { ProcessingJobStatus: status = '', ProcessingStartTime: start } = told;
  const limit = told.StoppingCondition?.MaxRuntimeInSeconds ?? Infinity;
  if (status === 'InProgress' && start === undefined) return 'Starting';
  return status === 'Stopped' && seconds >= limit ? 'MaxRuntimeExceeded' : status;
}

/** Processing tells no billed time: what it holds is the time from its start to its end. */
function remoteJob(far: FarSide, told: DescribeProcessingJobResponse): RemoteJob {
  const name = told.ProcessingJobName ?? '';
  const status = told.ProcessingJobStatus ?? '';
  const { ProcessingStartTime: start, ProcessingEndTime: end } = told;
  const cluster = told.ProcessingResources?.ClusterConfig;
  const heldMs = start === undefined ? 0 : (end?.getTime() ?? Date.now()) - start.getTime();
  const seconds = Math.max(heldMs, 0) / MS_PER_SECOND;
  const failure = [told.FailureReason, told.ExitMessage].filter((text) => text).join('; ');
  return {
    service: 'processing',
    name,
    arn: told.ProcessingJobArn ?? '',
    status,
    secondary: secondaryOf(told, seconds),
    transitions: start === undefined ? 0 : 1,
    message: '',
    // A processing job over its limit is Stopped or Failed by the service, with this reason.
    failure: status === 'Failed' ? failure : '',
    startedAt: start ?? null,
    billableSeconds:
      (end === undefined ? Math.floor(seconds) : seconds) * (cluster?.InstanceCount ?? 1),
    savedShare: null,
    instance: cluster?.InstanceType,
    outputUri: processingOutputUri(far, name),
  };
}
