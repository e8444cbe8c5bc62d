import { digestOf, sha256Hex } from '../../../core/canonical.ts';
import { OrreryError } from '../../../core/errors.ts';
import { LABELS, specLabel } from '../../../core/labels.ts';
import type { DeploySpec } from '../../../core/ports/serving.ts';
import { isLabelValue } from '../../connections/kubernetes/objects.ts';

const DIGITS = 10;
/** Readable enough, where the namespace leaves room for it. */
const NAME_LENGTH_MAX = 28;
const LABEL_LENGTH_MAX = 63;

/** Facts of a version on the objects that serve it: too long or too free for label values. */
export const ANNOTATIONS = {
  key: 'orrery-key',
  version: LABELS.version,
  spec: LABELS.spec,
  /** SHA-256 that was signed and checked. */
  sha256: 'orrery-model-sha256',
  storageUri: 'orrery-storage-uri',
} as const;

/** Facts of a version, as its annotations hold them. */
export interface ArmFacts {
  readonly key: string;
  readonly version: string;
  readonly spec: string;
  readonly sha256: string;
  readonly storageUri: string;
}

/** Readable beginning and a digest of the whole: DNS label, a letter first. */
function objectName(prefix: string, text: string, lengthMax: number): string {
  const digest = sha256Hex(Buffer.from(text)).slice(0, DIGITS);
  const readable = `${prefix}${text}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, Math.max(lengthMax - DIGITS - 1, 1))
    .replaceAll(/^-+|-+$/g, '');
  return `${readable}-${digest}`.slice(0, Math.max(lengthMax, DIGITS + 2));
}

/**
 * KServe makes the host `<name>[-<arm>]-predictor-<namespace>`, in one DNS label, and reconciles
 * nothing when it is too long.
 */
function serviceName(
  prefix: string,
  text: string,
  { namespace, armLength }: { readonly namespace: string; readonly armLength: number },
): string {
  const taken = '-predictor-'.length + armLength;
  const room = LABEL_LENGTH_MAX - taken - namespace.length;
  const least = prefix.length + DIGITS;
  if (room >= least) return objectName(prefix, text, Math.min(room, NAME_LENGTH_MAX));
  throw new OrreryError(
    'SETTINGS_INVALID',
    `Cannot serve in the namespace "${namespace}": KServe's host names leave no room for it, wanted at most ${LABEL_LENGTH_MAX - taken - least} characters`,
  );
}

/** InferenceService of one version, `http-route`. */
export function versionObject(key: string, namespace: string): string {
  return serviceName('m-', key, { namespace, armLength: 0 });
}

/** InferenceService of a route, `canaries` and `revisions`. */
export function routeObject(route: string, namespace: string): string {
  return serviceName('r-', route, { namespace, armLength: '-v'.length + DIGITS });
}

/** `spec.predictor.name` of one version of a route: short, for the host's sake. */
export function armName(key: string, version: string): string {
  return `v${sha256Hex(Buffer.from(`${version} ${key}`)).slice(0, DIGITS)}`;
}

/** The HTTPRoute of ours for a route. */
export function httpRouteName(route: string): string {
  return objectName('orrery-', route, NAME_LENGTH_MAX);
}

/** `fraud.eu-west` → `fraud.eu-west.<domain>`; a part that is no DNS label is replaced by a digest of itself. */
export function hostOf(route: string, domain: string): string {
  const parts = route
    .split('.')
    .map((part) =>
      /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(part) ? part : objectName('', part, 40),
    );
  return [...parts, domain].join('.');
}

const ADDRESS = /^isvc:\/\/([a-z0-9-]+)\/([a-z0-9-]+)(?:#([a-z0-9-]+))?$/;

/** Where a version is served, as `serving` tells it and `traffic` understands it. */
export interface IsvcAddress {
  readonly namespace: string;
  readonly service: string;
  /** Of several versions in one InferenceService, which. */
  readonly arm: string | null;
}

export function addressText({ namespace, service, arm }: IsvcAddress): string {
  return `isvc://${namespace}/${service}${arm === null ? '' : `#${arm}`}`;
}

/** @throws OrreryError REQUEST_INVALID */
export function parseAddress(route: string, version: string, address: string): IsvcAddress {
  const [, namespace, service, arm = null] = ADDRESS.exec(address) ?? [];
  if (namespace !== undefined && service !== undefined) return { namespace, service, arm };
  throw new OrreryError(
    'REQUEST_INVALID',
    `Cannot send "${route}" ${version} to "${address}": it is no address of KServe, wanted isvc://<namespace>/<name>`,
  );
}

/** What makes two deployments the same: the same statement about the same file. */
export function deployDigest({ model, version, region, modelRef, envelope }: DeploySpec): string {
  const { payload } = envelope;
  return specLabel(digestOf({ model, version, region, sha256: modelRef.sha256, payload }));
}

export function armAnnotations(facts: ArmFacts): Record<string, string> {
  return {
    [ANNOTATIONS.key]: facts.key,
    [ANNOTATIONS.version]: facts.version,
    [ANNOTATIONS.spec]: facts.spec,
    [ANNOTATIONS.sha256]: facts.sha256,
    [ANNOTATIONS.storageUri]: facts.storageUri,
  };
}

/** null for something that we did not make. */
export function readArmFacts(
  annotations: Readonly<Record<string, string>> | undefined,
): ArmFacts | null {
  const key = annotations?.[ANNOTATIONS.key];
  const version = annotations?.[ANNOTATIONS.version];
  const spec = annotations?.[ANNOTATIONS.spec];
  if (key === undefined || version === undefined || spec === undefined) return null;
  return {
    key,
    version,
    spec,
    sha256: annotations?.[ANNOTATIONS.sha256] ?? '',
    storageUri: annotations?.[ANNOTATIONS.storageUri] ?? '',
  };
}

/** Labels of what we make for a model; a value that cannot be a label is left to the annotations. */
export function ourLabels(facts: { readonly model: string; readonly version?: string }) {
  const labels: Record<string, string> = { [LABELS.managed]: 'true' };
  if (isLabelValue(facts.model)) labels[LABELS.model] = facts.model;
  if (facts.version !== undefined && isLabelValue(facts.version)) {
    labels[LABELS.version] = facts.version;
  }
  return labels;
}

export function isOurs(labels: Readonly<Record<string, string>> | undefined): boolean {
  return labels?.[LABELS.managed] === 'true';
}
