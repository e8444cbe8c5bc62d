import type { Backend } from '../../core/backend.ts';
import { checkHost } from './check.ts';
import { createCompute } from './compute.ts';
import { createHost } from './host.ts';
import { createInventory } from './inventory.ts';
import { createPrices } from './prices.ts';
import { sshSettings } from './settings.ts';
import type { SshSettings } from './settings.ts';

const PROGRAMS_ONLY = 'the host runs programs and nothing else';

/** Opening talks to nobody: a host that is down shows at the first call that needs it. */
export const backend: Backend<SshSettings> = {
  name: 'ssh',
  summary: 'A Linux host that takes a login: a folder for each job, in place of a queue',
  has: ['compute', 'inventory', 'prices'],
  lacks: {
    artifacts: 'outputs are brought into the store of the worker',
    assets: PROGRAMS_ONLY,
    backfill: PROGRAMS_ONLY,
    definitions: PROGRAMS_ONLY,
    metrics: PROGRAMS_ONLY,
    models: PROGRAMS_ONLY,
    pipeline: PROGRAMS_ONLY,
    pools: 'the host runs everything at once',
    serving: PROGRAMS_ONLY,
    signer: 'keys are not trusted to a host that runs programs',
    traffic: PROGRAMS_ONLY,
    tuning: 'searches run over its compute: `engine: "orrery"`',
  },
  settings: sshSettings,
  open: (settings) => {
    const host = createHost(settings);
    return Promise.resolve({
      ports: {
        compute: createCompute(settings, host),
        inventory: createInventory(settings, host),
        prices: createPrices(settings),
      },
      check: () => checkHost(host, settings.root),
      close: async () => host.close(),
    });
  },
};
