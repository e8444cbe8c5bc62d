import { describe, expect, it, jest } from '@jest/globals';

import { REGISTRY } from '../../backends/registry.ts';
import { PORT_NAMES, type PortName } from '../../core/backend.ts';
import { describeArtifactsContract } from '../support/contract/artifacts.ts';
import { describeComputeContract } from '../support/contract/compute.ts';
import type { OpenHarness } from '../support/contract/harness.ts';
import { describeMetricsContract } from '../support/contract/metrics.ts';
import { describeModelsContract } from '../support/contract/models.ts';
import { describePricesContract } from '../support/contract/prices.ts';
import { describeServingContract } from '../support/contract/serving.ts';
import { describeSignerContract } from '../support/contract/signer.ts';
import { describeTrafficContract } from '../support/contract/traffic.ts';
import { openLocal } from './local-harness.ts';
import { openSim, openSimOverSocket } from './sim-harness.ts';

// Real processes and a real Envoy start within a second each on a quiet machine.
const TEST_MS_MAX = 60_000;
jest.setTimeout(TEST_MS_MAX);

type DescribeContract = (name: string, open: OpenHarness) => void;
const CONTRACTS: Readonly<Record<PortName, DescribeContract>> = {
  artifacts: describeArtifactsContract,
  compute: describeComputeContract,
  metrics: describeMetricsContract,
  models: describeModelsContract,
  prices: describePricesContract,
  serving: describeServingContract,
  signer: describeSignerContract,
  traffic: describeTrafficContract,
};

/** Registry name → each way to open the backend for its contract. */
const HARNESSES: Readonly<Record<string, Readonly<Record<string, OpenHarness>>>> = {
  local: { local: openLocal },
  sim: { 'sim in memory': openSim, 'sim over a socket': openSimOverSocket },
};

const names = Object.keys(REGISTRY);
const backends = await Promise.all(names.map((name) => REGISTRY[name]!()));

describe('REGISTRY', () => {
  it('has a contract harness for each of its backends, and none is left over', () => {
    expect(Object.keys(HARNESSES).sort()).toEqual([...names].sort());
  });

  it.each(names)('knows %s by the name that the backend gives itself', async (name) => {
    expect((await REGISTRY[name]!()).name).toBe(name);
  });

  it.each(names)('%s has or lacks every port exactly once', async (name) => {
    const { has, lacks } = await REGISTRY[name]!();
    expect([...has, ...Object.keys(lacks)].sort()).toEqual([...PORT_NAMES].sort());
    expect(Object.values(lacks).every((reason) => reason.length > 0)).toBe(true);
  });
});

for (const { name, has } of backends) {
  for (const [way, open] of Object.entries(HARNESSES[name] ?? {})) {
    for (const port of has) CONTRACTS[port](way, open);
  }
}
