import type { Inventory, RemoteWork } from '../../core/ports/inventory.ts';
import { remoteId } from './compute.ts';
import type { Host, Line } from './host.ts';
import { toldBy } from './reading.ts';
import type { SshSettings } from './settings.ts';

const SECONDS_PER_HOUR = 3600;

/** Every folder of a job that is still on the host. */
export function createInventory(settings: SshSettings, host: Host): Inventory {
  return {
    async list() {
      const lines = await host.ask({ action: 'list the jobs of the host', order: 'list' });
      return jobsOf(lines)
        .flatMap(({ key, told }): readonly RemoteWork[] => {
          const job = toldBy(told);
          if (job === null) return [];
          const { phase, labels, startedAt, billableSeconds } = job;
          const costUsd = (billableSeconds / SECONDS_PER_HOUR) * settings.usdPerHour;
          const handle = { key, remoteId: remoteId(settings, key) };
          return [
            { port: 'compute', ...handle, phase, labels, startedAt, billableSeconds, costUsd },
          ];
        })
        .toSorted((one, other) => (other.startedAt ?? '').localeCompare(one.startedAt ?? ''));
    },
  };
}

/** Each `job` line begins the lines of one. */
function jobsOf(lines: readonly Line[]): readonly { key: string; told: readonly Line[] }[] {
  const jobs: { key: string; told: Line[] }[] = [];
  for (const line of lines) {
    if (line[0] === 'job') jobs.push({ key: line[1], told: [] });
    else jobs.at(-1)?.told.push(line);
  }
  return jobs;
}
