import { OrreryError } from '../../core/errors.ts';
import type { SagemakerSettings } from './settings.ts';

export type Instance = SagemakerSettings['instances']['types'][number];

/**
 * The cheapest type of the settings with enough processors and memory; of equal prices the first.
 *
 * @throws OrreryError SPEC_REJECTED when none is large enough
 */
export function instanceFor(
  resources: { readonly cpus: number; readonly memoryMiB: number },
  { types }: SagemakerSettings['instances'],
): Instance {
  const fits = types.filter(
    ({ cpus, memoryMiB }) => cpus >= resources.cpus && memoryMiB >= resources.memoryMiB,
  );
  const [cheapest] = fits.toSorted((one, other) => one.usdPerHour - other.usdPerHour);
  if (cheapest !== undefined) return cheapest;
  throw new OrreryError(
    'SPEC_REJECTED',
    `Cannot choose a machine for ${resources.cpus} processors and ${resources.memoryMiB} MiB: the settings know ${types.map(({ type }) => type).join(', ')}, wanted a larger type among \`instances.types\``,
  );
}

/** US dollars an hour of a type; null for one that the settings do not know. */
export function usdPerHourOf(
  type: string | undefined,
  { types }: SagemakerSettings['instances'],
): number | null {
  return types.find((each) => each.type === type)?.usdPerHour ?? null;
}

const SECONDS_PER_HOUR = 3_600;

/** Cost of machine-seconds at a price by the hour, US dollars. */
export function costUsd(billableSeconds: number, usdPerHour: number | null): number | null {
  return usdPerHour === null ? null : (billableSeconds / SECONDS_PER_HOUR) * usdPerHour;
}
