import type { VirtualClock } from './clock.ts';
import type { CallName } from './methods.ts';
import type { SimModels } from './models.ts';
import type { SimServing } from './serving.ts';
import type { Stranger } from './settings.ts';
import type { SimTraffic } from './traffic.ts';

/** People and programs that are not ours and change the same things, each once. */
export interface Strangers {
  /** Does what is due at the n-th call of a method, or by now. */
  act(call: CallName, nth: number): void;
}

interface Reach {
  readonly models: SimModels;
  readonly traffic: SimTraffic;
  readonly serving: SimServing;
}

export function createStrangers(
  scripted: readonly Stranger[],
  clock: VirtualClock,
  reach: Reach,
): Strangers {
  const waiting = new Set(scripted);
  return {
    act: (call, nth) => {
      for (const stranger of waiting) {
        const { when } = stranger;
        const due =
          'atSecond' in when
            ? clock.elapsedSeconds() >= when.atSecond
            : when.call === call && when.nth === nth;
        if (!due) continue;
        waiting.delete(stranger);
        interfere(stranger, reach);
      }
    },
  };
}

function interfere({ does }: Stranger, { models, traffic, serving }: Reach): void {
  switch (does.what) {
    case 'move-champion':
      models.usurp(does.model, does.region, does.version);
      return;
    case 'move-weights':
      traffic.seize(does.route, does.version);
      return;
    case 'end-endpoint':
      serving.end(does.key, 'stranger');
      return;
  }
}
