/** Commands over the ports that one far side has and others lack: definitions, assets, pools. */
import type { Command } from 'commander';
import type { JobParam } from '../../core/ports/compute.ts';
import type { PipelineDefinition } from '../../core/ports/definitions.ts';
import { ask, columns, group, leaf, print } from './command.ts';
import { UsageError } from './io.ts';
import type { Io } from './io.ts';
import { giveOrder } from './order.ts';
import { readJson, readText } from './read-json.ts';
import { limitOption, paramOption, slotsOption } from './values.ts';

const ON = ['--backend <name>', 'whose pipelines, assets or pools'] as const;

interface Options {
  readonly backend: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function addDefinitions(program: Command, io: Io): void {
  const definitions = group(program, 'definitions', 'pipelines that are ours on a far side');
  addPlanAndPut(definitions, io);
  leaf(definitions, {
    name: 'list',
    summary: 'list the pipelines that are ours',
    examples: ['orrery definitions list --backend airflow'],
  })
    .requiredOption(...ON)
    .action(async ({ backend, ...options }: Options) => {
      const list = await giveOrder(io, { kind: 'listDefinitions', backend });
      const rows = list.items.map(({ name, version, digest }) => [name, version, digest]);
      const table = columns(['NAME', 'VERSION', 'DIGEST'], rows);
      print(io, options, list, list.items.length === 0 ? 'No definitions' : table);
    });
  leaf(definitions, {
    name: 'remove',
    summary: 'remove a pipeline of ours',
    examples: ['orrery definitions remove fraud-refresh --backend airflow -y'],
  })
    .argument('<name>')
    .requiredOption(...ON)
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, { backend, ...options }: Options) => {
      if (!(await ask(io, options, `Remove ${name} from ${backend}?`))) return;
      const answer = await giveOrder(io, { kind: 'removeDefinition', backend, name });
      print(io, options, answer, `Removed ${name}`);
    });
}

interface DefinitionOptions extends Options {
  readonly file?: string;
  readonly source?: string;
  readonly name?: string;
}

function addPlanAndPut(definitions: Command, io: Io): void {
  const common = (name: string, summary: string) =>
    leaf(definitions, {
      name,
      summary,
      examples: [
        `orrery definitions ${name} --backend airflow --file flow.json`,
        `orrery definitions ${name} --backend kubeflow --name fraud --source pipeline.yaml`,
      ],
    })
      .requiredOption(...ON)
      .option('--file <file>', 'the definition as JSON: {"name", "content"}; - for standard input')
      .option('--source <file>', 'instead, a file in the far side’s own format')
      .option('--name <name>', 'under which the source is known');
  common('plan', 'print what put would change, and change nothing').action(
    async ({ backend, ...options }: DefinitionOptions) => {
      const definition = await definitionOf(io, options);
      const change = await giveOrder(io, { kind: 'planDefinition', backend, definition });
      print(io, options, change, `${change.name}: ${change.change}\n${change.diff}`.trimEnd());
    },
  );
  common('put', 'make a pipeline so, and wait until the far side can run it').action(
    async ({ backend, ...options }: DefinitionOptions) => {
      const definition = await definitionOf(io, options);
      const reading = await giveOrder(io, { kind: 'putDefinition', backend, definition });
      print(io, options, reading, `${reading.name} is in force, digest ${reading.digest}`);
    },
  );
}

async function definitionOf(
  io: Io,
  { file, source, name }: Omit<DefinitionOptions, 'backend'>,
): Promise<PipelineDefinition> {
  const { parseDefinition } = await import('../../schemas/operations.ts');
  if (file !== undefined && source === undefined) return parseDefinition(await readJson(io, file));
  if (file === undefined && source !== undefined && name !== undefined) {
    return parseDefinition({ name, content: { kind: 'source', text: await readText(source) } });
  }
  throw new UsageError('Cannot tell the definition: wanted --file, or --name with --source');
}

interface AssetOptions extends Options {
  readonly key: string;
  readonly extra?: Readonly<Record<string, JobParam>>;
  readonly limit?: number;
}

export function addAssets(program: Command, io: Io): void {
  const assets = group(program, 'assets', 'news of data sets, on which pipelines run');
  const common = (name: string, summary: string, example: string) =>
    leaf(assets, { name, summary, examples: [`orrery assets ${name} ${example}`] })
      .argument('<asset>', 'its URI')
      .requiredOption(...ON);
  common(
    'publish',
    'tell that the asset has news, once for a key',
    's3://lake/raw --backend airflow --key 2026-11-24 --extra rows=10000',
  )
    .requiredOption('--key <key>', 'the same key tells the same news')
    .option('--extra <name=value>', 'facts for its readers; may be repeated', paramOption)
    .action(async (asset: string, { backend, key, extra = {}, ...options }: AssetOptions) => {
      const event = await giveOrder(io, { kind: 'publishAsset', backend, asset, key, extra });
      print(io, options, event, `Published ${asset} at ${event.at}`);
    });
  common('events', 'list the news of an asset, newest first', 's3://lake/raw --backend airflow')
    .option('--limit <n>', '1–1000, default 50', limitOption)
    .action(async (asset: string, { backend, limit = 50, ...options }: AssetOptions) => {
      const order = { kind: 'assetEvents', backend, asset, countMax: limit } as const;
      const list = await giveOrder(io, order);
      const rows = list.items.map(({ at, key, extra }) => [at, key, JSON.stringify(extra)]);
      const table = columns(['AT', 'KEY', 'EXTRA'], rows);
      print(io, options, list, list.items.length === 0 ? 'No events' : table);
    });
  common('materialize', 'run what makes the asset', 's3://lake/raw --backend airflow --key today')
    .requiredOption('--key <key>', 'the same key starts the same run')
    .action(async (asset: string, { backend, key, ...options }: AssetOptions) => {
      const handle = await giveOrder(io, { kind: 'materializeAsset', backend, asset, key });
      print(io, options, handle, `Started ${handle.remoteId}`);
    });
}

interface PoolOptions extends Options {
  readonly slots: number;
}

export function addPools(program: Command, io: Io): void {
  const pools = group(program, 'pools', 'shares of a far side’s capacity');
  leaf(pools, {
    name: 'list',
    summary: 'list the pools and what of them is used',
    examples: ['orrery pools list --backend airflow'],
  })
    .requiredOption(...ON)
    .action(async ({ backend, ...options }: Options) => {
      const list = await giveOrder(io, { kind: 'listPools', backend });
      const rows = list.items.map((pool) => [
        pool.name,
        String(pool.slots),
        String(pool.usedSlots),
      ]);
      print(io, options, list, columns(['POOL', 'SLOTS', 'USED'], rows));
    });
  leaf(pools, {
    name: 'set',
    summary: 'create a pool, or change its size',
    examples: ['orrery pools set training --slots 4 --backend airflow'],
  })
    .argument('<pool>')
    .requiredOption(...ON)
    .requiredOption('--slots <n>', '0 or more', slotsOption)
    .action(async (name: string, { backend, slots, ...options }: PoolOptions) => {
      const pool = await giveOrder(io, { kind: 'setPool', backend, name, slots });
      print(io, options, pool, `${name} has ${pool.slots} slots, ${pool.usedSlots} used`);
    });
  leaf(pools, {
    name: 'remove',
    summary: 'remove a pool that nothing uses',
    examples: ['orrery pools remove training --backend airflow -y'],
  })
    .argument('<pool>')
    .requiredOption(...ON)
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, { backend, ...options }: Options) => {
      if (!(await ask(io, options, `Remove the pool ${name} of ${backend}?`))) return;
      const answer = await giveOrder(io, { kind: 'removePool', backend, name });
      print(io, options, answer, `Removed ${name}`);
    });
}
