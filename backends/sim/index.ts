import type { Backend } from '../../core/backend.ts';
import { SIM_PORTS } from './methods.ts';
import { connectWorld } from './remote.ts';
import { simSettings, type SimSettings } from './settings.ts';
import { createWorld } from './world.ts';

/** The simulated world: its settings are its script, or the socket of a world that is served. */
export const backend: Backend<SimSettings> = {
  name: 'sim',
  summary: 'A world in memory with a virtual clock, seeded randomness and scripted faults',
  has: SIM_PORTS,
  lacks: {
    assets: 'its jobs run when they are started, never on news of data',
    backfill: 'it has no schedules, so no times that were missed',
    definitions: 'its script says what runs',
    pools: 'its capacity has no end',
  },
  settings: simSettings,
  open: async (settings) => {
    if ('socket' in settings) return connectWorld(settings.socket);
    const { ports, clock } = createWorld(settings.world);
    return { ports, clock, close: async () => undefined };
  },
};
