import type { Clock } from '../../core/backend.ts';
import { createStore, type SimStore } from './artifacts.ts';
import { createVirtualClock, type VirtualClock } from './clock.ts';
import { SimCompute } from './compute.ts';
import { copyValue } from './copy.ts';
import { createFaults, type Faults } from './faults.ts';
import { createInventory } from './inventory.ts';
import { createJournal, type Journal } from './journal.ts';
import { portsFrom, type CallName, type Method, type SimPort, type SimPorts } from './methods.ts';
import { createMetrics } from './metrics.ts';
import { SimModels } from './models.ts';
import { SimPipeline } from './pipeline.ts';
import { createPrices } from './prices.ts';
import { Requests } from './requests.ts';
import { SimServing } from './serving.ts';
import { parseScript, type FullScript, type WorldScript } from './settings.ts';
import { createSigner } from './signer.ts';
import { createStrangers } from './strangers.ts';
import { SimTraffic } from './traffic.ts';
import { SimTuning } from './tuning.ts';

/** Everything outside, in memory: see docs/adding-a-backend.md for how a real one differs. */
export interface World {
  readonly ports: SimPorts;
  readonly clock: Clock;
  /** What was really done to the world, by its own account. */
  readonly journal: Journal;
  readonly faults: Faults;
  /** Its artifacts, which another world may share as two clouds share a bucket. */
  readonly store: SimStore;
  /** Seconds of virtual time since the world began. */
  elapsedSeconds(): number;
}

/**
 * Makes a world from its script. The same script and the same calls give the same world, but for
 * the signer's key.
 *
 * @param shared another world, whose artifacts are those of this one too
 * @throws OrreryError SETTINGS_INVALID naming what in the script does not fit
 *
 * Every call passes the border in this order: what strangers do by now, or at this call, is done;
 * what time has brought (ends of jobs, requests) is written down; a fault before the effect
 * strikes; the call is carried out; a fault after it strikes; the answer is copied out.
 */
export function createWorld(script: WorldScript = {}, shared?: Pick<World, 'store'>): World {
  const full = parseScript(script);
  const clock = createVirtualClock(Date.parse(full.startsAt), full.realMsPerSecond);
  const journal = createJournal(clock.now);
  const faults = createFaults(full.faults, journal);
  const { inner, settle, strangers, store } = createInside(full, clock, journal, shared?.store);

  const cross = (call: CallName): Method => {
    const [port, name] = call.split('.') as [SimPort, string];
    const inside = inner[port] as unknown as Record<string, Method>;
    const carryOut: Method = async (...args) =>
      copyValue(await inside[name]?.(...args.map(copyValue)));
    return faults.around(call, carryOut, (nth) => {
      settle();
      strangers.act(call, nth);
    });
  };
  return {
    ports: portsFrom(cross),
    clock,
    journal,
    faults,
    store,
    elapsedSeconds: clock.elapsedSeconds,
  };
}

function createInside(
  script: FullScript,
  clock: VirtualClock,
  journal: Journal,
  store: SimStore = createStore(script, journal),
) {
  const signer = createSigner(script, journal);
  const compute = new SimCompute({ script, clock, journal, store });
  const serving = new SimServing({ script, clock, journal, store, signer });
  const requests = new Requests(script, clock, (address) => serving.isDown(address));
  const traffic = new SimTraffic(requests, journal);
  const models = new SimModels(journal);
  const pipeline = new SimPipeline({ script, clock, journal });
  const tuning = new SimTuning({ script, clock, journal });
  const inner: SimPorts = {
    artifacts: store,
    compute,
    inventory: createInventory(script, { compute, pipeline, tuning }),
    metrics: createMetrics(script, clock, requests),
    models,
    pipeline,
    prices: createPrices(script, clock),
    serving,
    signer,
    traffic,
    tuning,
  };
  const strangers = createStrangers(script.strangers, clock, { models, traffic, serving });
  const settle = (): void => {
    compute.settle();
    pipeline.settle();
    tuning.settle();
    traffic.settle();
  };
  return { inner, settle, strangers, store };
}
