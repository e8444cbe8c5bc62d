import { OrreryError } from '../../../core/errors.ts';
import type { DeploySpec, EndpointReading } from '../../../core/ports/serving.ts';
import type { Health } from './health.ts';

/** How long one call waits for what was deleted to be gone; the activity's retry waits on. */
export const GONE_SECONDS_MAX = 100;

const named = ({ model, version, key }: DeploySpec) => `${model}/${version} as "${key}"`;

export function takenByOther(spec: DeploySpec, found: string): OrreryError {
  return new OrreryError(
    'NAME_TAKEN',
    `Cannot deploy ${named(spec)}: ${found}, wanted the same deployment or none`,
  );
}

export function deployFailure(spec: DeploySpec, health: Health, logUri: string): OrreryError {
  return new OrreryError(
    health.code ?? 'DEPLOY_FAILED',
    `Cannot deploy ${named(spec)}: KServe says ${health.reason}; see ${logUri}`,
  );
}

export function deployTimeout(spec: DeploySpec, secondsMax: number, reason: string): OrreryError {
  return new OrreryError(
    'DEPLOY_FAILED',
    `Cannot deploy ${named(spec)}: it is not ready after ${secondsMax} s (${reason})`,
  );
}

export function stillThere(what: string): OrreryError {
  return new OrreryError(
    'BACKEND_UNAVAILABLE',
    `Cannot tell that ${what} is gone: it was deleted ${GONE_SECONDS_MAX} s ago and is still there`,
  );
}

export function routeRefused(route: string, state: string): OrreryError {
  return new OrreryError(
    'PROXY_REFUSED',
    `Cannot shift "${route}": ${state}, wanted the gateway to serve it; the old weights stay`,
  );
}

export function goneReading(key: string, logUri: string, reason: string): EndpointReading {
  return { key, phase: 'gone', address: null, version: '', reason, logUri };
}

export function notOurs(service: string): OrreryError {
  return new OrreryError(
    'NAME_TAKEN',
    `Cannot change InferenceService ${service}: it has not our label, wanted one of ours`,
  );
}
