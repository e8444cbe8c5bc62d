import { describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { REGISTRY } from '../../../backends/registry.ts';
import { PORT_NAMES, type PortName } from '../../../core/backend.ts';
import { describeArtifactsContract } from './artifacts.ts';
import { describeComputeContract } from './compute.ts';
import { describeDefinitionsContract } from './definitions.ts';
import type { OpenHarness } from './harness.ts';
import { describeInventoryContract } from './inventory.ts';
import { describeMetricsContract } from './metrics.ts';
import { describeModelsContract } from './models.ts';
import { describePipelineContract } from './pipeline.ts';
import { describePricesContract } from './prices.ts';
import { describeServingContract } from './serving.ts';
import { describeSignerContract } from './signer.ts';
import { describeTrafficContract } from './traffic.ts';
import { describeTuningContract } from './tuning.ts';

type DescribeContract = (name: string, open: OpenHarness) => void;

/** Ports that one system alone has are tested beside it. */
const TESTED_BESIDE = ['assets', 'backfill', 'pools'] as const satisfies readonly PortName[];
const CONTRACTS: Readonly<
  Record<Exclude<PortName, (typeof TESTED_BESIDE)[number]>, DescribeContract>
> = {
  artifacts: describeArtifactsContract,
  compute: describeComputeContract,
  definitions: describeDefinitionsContract,
  inventory: describeInventoryContract,
  metrics: describeMetricsContract,
  models: describeModelsContract,
  pipeline: describePipelineContract,
  prices: describePricesContract,
  serving: describeServingContract,
  signer: describeSignerContract,
  traffic: describeTrafficContract,
  tuning: describeTuningContract,
};

/** One way to open a backend for its contract, and the ports that are tested in this way. */
export interface Way {
  readonly open: OpenHarness;
  /** Default: every port that the backend has. */
  readonly ports?: readonly PortName[];
}
/** What `harness.ts` of a backend exports as `harnesses`: name of the way → the way. */
export type Harnesses = Readonly<Record<string, Way>>;

/**
 * Where harnesses lie: `test/backends/<name>/harness.ts` needs nothing but the project's own set-up,
 * `test/counterparts/<name>/harness.ts` needs third-party servers and runs in `make test-backends`.
 */
export const HARNESS_FOLDERS = ['backends', 'counterparts'] as const;
type HarnessFolder = (typeof HARNESS_FOLDERS)[number];

const harnessPath = (folder: HarnessFolder, name: string) =>
  join(import.meta.dirname, '../..', folder, name, 'harness.ts');

async function harnessesOf(folder: HarnessFolder, name: string): Promise<Harnesses> {
  const path = harnessPath(folder, name);
  if (!existsSync(path)) return {};
  return ((await import(pathToFileURL(path).href)) as { harnesses: Harnesses }).harnesses;
}

/** Runs the contract of every port of every registered backend that has a harness in the folder. */
export async function describeContracts(folder: HarnessFolder): Promise<void> {
  for (const [name, load] of Object.entries(REGISTRY)) {
    const { has } = await load();
    for (const [way, { open, ports }] of Object.entries(await harnessesOf(folder, name))) {
      for (const port of has) {
        if (ports !== undefined && !ports.includes(port)) continue;
        const contract = CONTRACTS[port as keyof typeof CONTRACTS] as DescribeContract | undefined;
        contract?.(way, open);
      }
    }
  }
}

/** What holds for the registry as a whole. */
export function describeRegistry(): void {
  const names = Object.keys(REGISTRY);
  describe('REGISTRY', () => {
    it.each(names)('%s has a harness, so that its contract is tested', (name) => {
      expect(HARNESS_FOLDERS.some((folder) => existsSync(harnessPath(folder, name)))).toBe(true);
    });

    it.each(names)('%s has every port of its own tested in one of its ways', async (name) => {
      const { has } = await REGISTRY[name]!();
      const ways = await Promise.all(HARNESS_FOLDERS.map((folder) => harnessesOf(folder, name)));
      const tested = ways.flatMap((way) => Object.values(way)).flatMap(({ ports }) => ports ?? has);
      const beside: readonly PortName[] = TESTED_BESIDE;
      const untested = has.filter((port) => !beside.includes(port) && !tested.includes(port));
      expect(untested).toEqual([]);
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
}
