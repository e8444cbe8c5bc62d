import { OrreryError } from '../../../core/errors.ts';
import type { KfpApi } from './api.ts';
import { hasCode } from './errors.ts';
import type { KfpPipeline, KfpVersion } from './replies.ts';

/** A pipeline and the version of it that runs. */
export interface ResolvedPipeline {
  readonly pipelineId: string;
  readonly versionId: string;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Name or id of a pipeline, and name or id of a version or null for the latest → their ids.
 * @throws OrreryError NOT_FOUND
 */
export async function resolvePipeline(
  api: KfpApi,
  reference: string,
  version: string | null,
): Promise<ResolvedPipeline> {
  const pipeline = await findPipeline(api, reference);
  if (pipeline === null) {
    throw new OrreryError(
      'NOT_FOUND',
      `Cannot run "${reference}": Kubeflow Pipelines has no such pipeline`,
    );
  }
  const versions = await api.versions(pipeline.pipeline_id, []);
  const found =
    version === null
      ? newestFirst(versions)[0]
      : versions.find(
          ({ pipeline_version_id: id, name, display_name: shown }) =>
            id === version || name === version || shown === version,
        );
  if (found === undefined) {
    throw new OrreryError(
      'NOT_FOUND',
      `Cannot run "${reference}": it has no version ${version ?? 'at all'}; ` +
        `Kubeflow Pipelines has ${versions.map(({ name }) => name).join(', ') || 'none'}`,
    );
  }
  return { pipelineId: pipeline.pipeline_id, versionId: found.pipeline_version_id };
}

export async function findPipeline(api: KfpApi, reference: string): Promise<KfpPipeline | null> {
  const asked = [
    () => api.pipelineByName(reference),
    ...(UUID.test(reference) ? [() => api.pipeline(reference)] : []),
  ];
  for (const ask of asked) {
    try {
      return await ask();
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND')) throw error;
    }
  }
  return null;
}

/** Versions of ours made in the same second are told apart by the ordinal that ends their name. */
export function newestFirst(versions: readonly KfpVersion[]): readonly KfpVersion[] {
  const ordinal = ({ name }: KfpVersion) => Number(/-(\d+)$/.exec(name)?.[1] ?? 0);
  return versions.toSorted(
    (a, b) =>
      (Date.parse(b.created_at) || 0) - (Date.parse(a.created_at) || 0) || ordinal(b) - ordinal(a),
  );
}
