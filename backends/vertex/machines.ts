import { OrreryError } from '../../core/errors.ts';
import type { Machine, VertexSettings } from './settings.ts';

type Resources = { readonly cpus: number; readonly memoryMiB: number };

/** US dollars for an hour of a machine under the strategy of the settings. */
export function hourlyUsd(
  { usdPerHour }: Machine,
  { scheduling }: Pick<VertexSettings, 'scheduling'>,
): number {
  return usdPerHour[scheduling.strategy] ?? usdPerHour.STANDARD;
}

/**
 * The cheapest machine of the table that has what is asked for; the first of several.
 *
 * @throws OrreryError SPEC_REJECTED when none is large enough
 */
export function chooseMachine(settings: VertexSettings, { cpus, memoryMiB }: Resources): Machine {
  const fitting = settings.machines.filter(
    (machine) => machine.cpus >= cpus && machine.memoryMiB >= memoryMiB,
  );
  const [cheapest] = fitting.toSorted((a, b) => hourlyUsd(a, settings) - hourlyUsd(b, settings));
  if (cheapest !== undefined) return cheapest;
  throw new OrreryError(
    'SPEC_REJECTED',
    `Cannot run on ${cpus} cpus with ${memoryMiB} MiB: no machine of the settings has that, wanted one of ${settings.machines.map(({ machineType }) => machineType).join(', ')} to be large enough`,
  );
}
