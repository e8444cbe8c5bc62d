import type { Resources } from '../../core/operations/order.ts';
import type { BackendOffer } from '../operations/backends.ts';
import type { StartPlan } from '../operations/start-work.ts';
import { columns } from './command.ts';

/** US dollars with as many digits as matter: prices of an hour may be fractions of a cent. */
export function usdText(usd: number | null): string {
  if (usd === null) return '?';
  return usd >= 100 ? usd.toFixed(0) : usd >= 1 ? usd.toFixed(2) : usd.toFixed(4);
}

/** `4 CPUs, 16 GiB`. */
export function machineText(resources: Resources | null): string {
  if (resources === null) return 'chosen there';
  const { cpus, memoryMiB } = resources;
  const memory = memoryMiB % 1024 === 0 ? `${memoryMiB / 1024} GiB` : `${memoryMiB} MiB`;
  return `${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}, ${memory}`;
}

/** `1 h 30 min`. */
export function durationText(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'min'],
    [Math.round(seconds % 60), 's'],
  ] as const;
  const told = parts.filter(([count]) => count > 0).slice(0, 2);
  return told.length === 0 ? '0 s' : told.map(([count, unit]) => `${count} ${unit}`).join(' ');
}

/** What backends offer and ask, one row each. */
export function offersText(offers: readonly BackendOffer[], machine: Resources): string {
  const rows = offers.map((offer) => [
    offer.name,
    offer.has.join(' '),
    offer.endpoint ?? '',
    offer.price === null ? '' : usdText(offer.price.usdPerHour),
    offer.problem === '' ? offer.state : `${offer.state}: ${offer.problem}`,
  ]);
  const table = columns(['BACKEND', 'PORTS', 'ENDPOINT', 'USD/H', 'STATE'], rows);
  return `${table}\nUSD/H is the price of ${machineText(machine)} for an hour.`;
}

/** What a request would hold at most, one row for each step. */
export function planText({ workflowId, steps, usdMax, costUsdMax }: StartPlan): string {
  const rows = steps.map((step) => [
    step.step,
    step.backends.join(', then '),
    machineText(step.resources),
    step.resources === null
      ? 'told there'
      : step.prices.map((price) => usdText(price?.usdPerHour ?? null)).join(', then '),
    durationText(step.limitSeconds),
    step.resources === null ? 'told there' : usdText(step.usdMax),
  ]);
  const titles = ['STEP', 'BACKEND', 'MACHINE', 'USD/H', 'LIMIT', 'AT MOST USD'];
  const sum =
    usdMax === null
      ? 'At most: not known, since a price is missing'
      : `At most $${usdText(usdMax)}, if every attempt runs to its limit`;
  const cap = costUsdMax === null ? '' : `; the run stops at $${usdText(costUsdMax)}`;
  return `${workflowId}\n${columns(titles, rows)}\n${sum}${cap}`;
}
