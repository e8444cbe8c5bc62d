/**
 * Prints a lifecycle request for the fraud model, which the Temporal CLI, the `orrery` command and
 * the HTTP API take: `npm exec -- node examples/fraud/request.ts --version v1 --author ada --data data.csv`.
 */
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { fraudRequest, RECIPES } from './requests.ts';
import type { Recipe } from './requests.ts';

interface Flags {
  readonly version: string;
  readonly author: string;
  readonly data: string;
  readonly recipe: Recipe;
  readonly trees: number;
  readonly backend: string;
  readonly region: string[];
  readonly costUsdMax?: number;
}

function numberOf(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) {
    throw new InvalidArgumentError('It is no number, wanted one such as 60.');
  }
  return value;
}

const flags = new Command('request')
  .description('Prints a lifecycle request for the fraud model as JSON')
  .requiredOption('--version <name>', 'name of the version')
  .requiredOption('--author <name>', 'who made it, as enrolled')
  .requiredOption('--data <path>', 'table of generate.py')
  .addOption(
    new Option('--recipe <name>', 'what train.py makes').choices(RECIPES).default('standard'),
  )
  .option('--trees <number>', 'a multiple of 5', numberOf, 60)
  .option('--backend <name>', 'backend for every port', 'local')
  .option('--region <names...>', 'regions in the order of release', ['eu-west'])
  .option('--cost-usd-max <usd>', 'budget; none when left out', numberOf)
  .parse()
  .opts<Flags>();

const request = fraudRequest({
  version: flags.version,
  author: flags.author,
  dataPath: resolve(flags.data),
  programsDir: import.meta.dirname,
  recipe: flags.recipe,
  trees: flags.trees,
  backend: flags.backend,
  regions: flags.region,
  costUsdMax: flags.costUsdMax ?? null,
});
process.stdout.write(`${JSON.stringify(request, null, 2)}\n`);
