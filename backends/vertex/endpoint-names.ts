/**
 * An endpoint of Vertex AI is a route of ours, and a server of ours is a model deployed to it. Both have
 * ids of the client's choice, so both are found again without a record of our own.
 */
import { digestOf } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import { NAME_PATTERN } from '../../core/ids.ts';
import { parentOf } from '../connections/google/settings.ts';
import type { VertexSettings } from './settings.ts';

const ROUTE_ID_DIGITS = 40;
/** DeployedModel.id: 1–10 digits (endpoint.proto); 9 × 10⁹ of them do not begin with 0. */
const DEPLOYED_IDS = 9_000_000_000n;
const DEPLOYED_ID_MIN = 1_000_000_000n;
const KEY_PATTERN = /^([a-z][a-z0-9-]{0,39})\.([a-z][a-z0-9-]{0,39})\.[^/]+$/;
const ADDRESS_PATTERN =
  /^vertex:\/\/(projects\/[^/]+\/locations\/[^/]+\/endpoints\/[^/]+)\/deployedModels\/([0-9]{1,10})$/;

export function endpointId(route: string): string {
  return `r${digestOf(['route', route]).slice(0, ROUTE_ID_DIGITS)}`;
}

export function endpointName(settings: VertexSettings, route: string): string {
  return `${parentOf(settings)}/endpoints/${endpointId(route)}`;
}

/** Two keys of one route share an id once in 9 × 10⁹; the second then finds another model there. */
export function deployedModelId(key: string): string {
  const digest = BigInt(`0x${digestOf(['deployed', key])}`);
  return String(DEPLOYED_ID_MIN + (digest % DEPLOYED_IDS));
}

/** The route of a key that `endpointKey` of core/ids.ts built; null for any other key. */
export function routeOfKey(key: string): string | null {
  const [, model, region] = KEY_PATTERN.exec(key) ?? [];
  return model === undefined ? null : `${model}.${region}`;
}

/** @throws OrreryError REQUEST_INVALID */
export function checkRouteName(route: string): void {
  const parts = route.split('.');
  if (parts.length === 2 && parts.every((part) => NAME_PATTERN.test(part))) return;
  throw new OrreryError(
    'REQUEST_INVALID',
    `Cannot route "${route}": it is no route, wanted <model>.<region>`,
  );
}

/** What callers of `serving` and `traffic` name a deployed model by. */
export function addressOf(endpoint: string, id: string): string {
  return `vertex://${endpoint}/deployedModels/${id}`;
}

/** null for the address of something else. */
export function parseAddress(
  address: string,
): { readonly endpoint: string; readonly id: string } | null {
  const [, endpoint, id] = ADDRESS_PATTERN.exec(address) ?? [];
  return endpoint === undefined || id === undefined ? null : { endpoint, id };
}

/** `<model>@<version>`: the display name of a model and of its deployments, which tells the version. */
export function displayNameOf(model: string, version: string): string {
  return `${model}@${version}`;
}

export function versionOf(displayName: string | null | undefined): string {
  return (displayName ?? '').split('@')[1] ?? '';
}
