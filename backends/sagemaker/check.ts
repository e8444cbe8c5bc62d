import { ListTrainingJobsCommand } from '@aws-sdk/client-sagemaker';
import type { BackendFinding } from '../../core/backend.ts';
import { ERRORS } from '../../core/errors.ts';
import { awsError } from '../connections/aws/errors.ts';
import type { FarSide } from './far-side.ts';

/** Cheap questions that change nothing; what cannot be asked without starting something is `unknown`. */
export async function checkFarSide(far: FarSide): Promise<readonly BackendFinding[]> {
  const { region, endpoints } = far.settings.aws;
  const { serving, trustedKeyFiles } = far.settings;
  return [
    await finding(
      'credentials and endpoint',
      `${endpoints.sagemaker ?? `SageMaker in ${region}`} answers`,
      far.sagemaker.send(new ListTrainingJobsCommand({ MaxResults: 1 })),
    ),
    await finding('bucket', `${far.settings.store} can be reached`, far.store.check()),
    {
      subject: 'role',
      state: 'unknown',
      told: `${far.settings.roleArn}: whether SageMaker may take it shows with the first job`,
      action: 'Grant iam:PassRole on it to the worker, and let it trust sagemaker.amazonaws.com',
    },
    {
      subject: 'quotas',
      state: 'unknown',
      told: 'SageMaker tells a quota only when it is exceeded',
      action: 'Look at Service Quotas of the account for the machine types of the settings',
    },
    serving === undefined
      ? {
          subject: 'serving',
          state: 'missing',
          told: 'the settings have no `serving`',
          action: 'Name image and machine type there, or deploy with another backend',
        }
      : {
          subject: 'serving',
          state: trustedKeyFiles.length > 0 ? 'ok' : 'missing',
          told: `${trustedKeyFiles.length} trusted keys`,
          action: trustedKeyFiles.length > 0 ? '' : 'Name key files in `trustedKeyFiles`',
        },
  ];
}

async function finding(
  subject: string,
  told: string,
  call: Promise<unknown>,
): Promise<BackendFinding> {
  try {
    await call;
    return { subject, state: 'ok', told, action: '' };
  } catch (error) {
    const { code, message } = awsError(error, `ask for ${subject}`);
    return { subject, state: 'missing', told: `${code}: ${message}`, action: ERRORS[code].action };
  }
}
