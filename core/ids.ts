/**
 * Names and workflow ids. Each id has one builder and one parser, inverse to each other; nobody
 * else splits or joins them.
 */
import { OrreryError } from './errors.ts';

/** Models, regions and sites: lower-case letters, digits and hyphens, 1–40 characters, a letter first. */
export const NAME_PATTERN = /^[a-z][a-z0-9-]{0,39}$/;
/** Versions: lower-case letters, digits, dots, hyphens, underscores, 1–40 characters, alphanumeric first. */
export const VERSION_PATTERN = /^[a-z0-9][a-z0-9._-]{0,39}$/;

export interface LifecycleId {
  readonly model: string;
  readonly version: string;
}
export interface RolloutId extends LifecycleId {
  readonly region: string;
}

export function lifecycleId({ model, version }: LifecycleId): string {
  return `lifecycle/${checkName(model)}/${checkVersion(version)}`;
}
export function trainingId({ model, version }: LifecycleId): string {
  return `training/${checkName(model)}/${checkVersion(version)}`;
}
export function rolloutId({ model, version, region }: RolloutId): string {
  return `rollout/${checkName(model)}/${checkVersion(version)}/${checkName(region)}`;
}
/** A pipeline run or a search of a version, by a name that the request gives it. */
export interface NamedId extends LifecycleId {
  readonly name: string;
}
export function pipelineId({ model, version, name }: NamedId): string {
  return `pipeline/${checkName(model)}/${checkVersion(version)}/${checkName(name)}`;
}
export function tuningId({ model, version, name }: NamedId): string {
  return `tuning/${checkName(model)}/${checkVersion(version)}/${checkName(name)}`;
}
/** The workflow that a schedule starts; Temporal appends the time of the firing to it. */
export function retrainId({ model }: { readonly model: string }): string {
  return `retrain/${checkName(model)}`;
}
/** The schedule that retrains a model. */
export function scheduleId({ model }: { readonly model: string }): string {
  return `retrain-${checkName(model)}`;
}

/** @throws OrreryError ID_MISMATCH when the id is not that of a lifecycle */
export function parseLifecycleId(id: string): LifecycleId {
  const [kind, model, version, ...rest] = id.split('/');
  if (kind !== 'lifecycle' || !model || !version || rest.length > 0)
    throw mismatch(id, 'lifecycle/<model>/<version>');
  return { model: checkName(model), version: checkVersion(version) };
}
/** @throws OrreryError ID_MISMATCH when the id is not that of a rollout */
export function parseRolloutId(id: string): RolloutId {
  const [kind, model, version, region, ...rest] = id.split('/');
  if (kind !== 'rollout' || !model || !version || !region || rest.length > 0) {
    throw mismatch(id, 'rollout/<model>/<version>/<region>');
  }
  return { model: checkName(model), version: checkVersion(version), region: checkName(region) };
}
/** @throws OrreryError ID_MISMATCH when the id is not that of a pipeline run */
export function parsePipelineId(id: string): NamedId {
  return parseNamedId('pipeline', id);
}
/** @throws OrreryError ID_MISMATCH when the id is not that of a search */
export function parseTuningId(id: string): NamedId {
  return parseNamedId('tuning', id);
}
function parseNamedId(wanted: 'pipeline' | 'tuning', id: string): NamedId {
  const [kind, model, version, name, ...rest] = id.split('/');
  if (kind !== wanted || !model || !version || !name || rest.length > 0) {
    throw mismatch(id, `${wanted}/<model>/<version>/<name>`);
  }
  return { model: checkName(model), version: checkVersion(version), name: checkName(name) };
}

/** The route of a model in a region, as proxies and metric sources know it. */
export function routeName({
  model,
  region,
}: {
  readonly model: string;
  readonly region: string;
}): string {
  return `${checkName(model)}.${checkName(region)}`;
}

/** The endpoint of a version in a region: the key under which it is deployed. */
export function endpointKey({ model, version, region }: RolloutId): string {
  return `${checkName(model)}.${checkName(region)}.${checkVersion(version)}`;
}

function checkName(name: string): string {
  if (!NAME_PATTERN.test(name)) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot use "${name}" as a name: it must match ${NAME_PATTERN.source}`,
    );
  }
  return name;
}
function checkVersion(version: string): string {
  if (!VERSION_PATTERN.test(version)) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot use "${version}" as a version: it must match ${VERSION_PATTERN.source}`,
    );
  }
  return version;
}
function mismatch(id: string, wanted: string): OrreryError {
  return new OrreryError('ID_MISMATCH', `Cannot read the id "${id}": the form is ${wanted}`);
}
