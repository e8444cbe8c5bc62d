import { OrreryError } from '../../../core/errors.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import { TRAINER_GROUP, TRAINER_VERSION } from './train-job.ts';

/** Members of `spec` that we write; Trainer renames some of them with every minor version. */
const NEEDED = [
  'runtimeRef',
  'trainer',
  'suspend',
  'activeDeadlineSeconds',
  'runtimePatches',
] as const;

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly 'x-kubernetes-group-version-kind'?: readonly { readonly kind: string }[];
}
interface OpenApi {
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

/**
 * Whether the served TrainJob has what we write, by the OpenAPI document that every authenticated
 * user may read. https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3
 *
 * @throws OrreryError VERSION_UNSUPPORTED naming what is missing
 */
export async function assertTrainerServed(client: KubernetesClient): Promise<void> {
  const path = `/openapi/v3/apis/${TRAINER_GROUP}/${TRAINER_VERSION}`;
  const document = await client.get<OpenApi>(path).catch((error: unknown) => {
    // A server that serves no such group has no document either.
    if (error instanceof OrreryError && error.details['status'] === 404) return null;
    throw error;
  });
  const served = Object.values(document?.components?.schemas ?? {}).find((schema) =>
    schema['x-kubernetes-group-version-kind']?.some(({ kind }) => kind === 'TrainJob'),
  );
  const spec = served?.properties?.['spec']?.properties;
  const missing = NEEDED.filter((name) => spec?.[name] === undefined);
  if (missing.length === 0) return;
  const state =
    served === undefined
      ? `${client.server} serves no TrainJob of ${TRAINER_GROUP}/${TRAINER_VERSION}`
      : `the TrainJob that ${client.server} serves has no spec.${missing.join(', no spec.')}`;
  throw new OrreryError(
    'VERSION_UNSUPPORTED',
    `Cannot start TrainJobs: ${state}, wanted Kubeflow Trainer 2.2 or newer`,
  );
}
