import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import type { LifecycleId } from '../../core/ids.ts';
import type { LifecycleRequest } from '../../core/lifecycle/request.ts';
import type { Stage } from '../../core/lifecycle/state.ts';
import { group, leaf, print, withClient } from './command.ts';
import { Unsuccessful } from './io.ts';
import type { Io } from './io.ts';
import { addOrders } from './order-commands.ts';
import { readJson } from './read-json.ts';
import { limitOption, secondsOption } from './values.ts';

const REQUEST_HELP = 'the request as JSON; - for standard input';

export function addLifecycle(program: Command, io: Io): void {
  const lifecycle = group(program, 'lifecycle', 'start, watch and steer lifecycles');
  addStart(lifecycle, io);
  addReadings(lifecycle, io);
  addWatch(lifecycle, io);
  addOrders(lifecycle, io);
}

interface StartOptions {
  readonly request: string;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

function addStart(lifecycle: Command, io: Io): void {
  leaf(lifecycle, {
    name: 'start',
    summary: 'start the lifecycle of a new version',
    examples: [
      'orrery lifecycle start --request examples/fraud/request.json',
      'orrery lifecycle start --request - --dry-run < request.json',
      'orrery lifecycle start --request request.json --wait',
    ],
  })
    .requiredOption('--request <file>', REQUEST_HELP)
    .option('--dry-run', 'check the request and print what would be started')
    .option('--wait', 'stay until it ends; exit 0 only if the version was released')
    .option('-y, --yes', 'in a terminal: do not print prices, and do not ask')
    .action(async (options: StartOptions) => {
      const { parseLifecycleRequest } = await import('../../schemas/lifecycle.ts');
      const request = parseLifecycleRequest(await readJson(io, options.request));
      if (options.dryRun === true) return dryRun(io, options, request);
      await withClient(io, async (client) => {
        const { startLifecycle } = await import('../operations/start-lifecycle.ts');
        if (!(await isWanted(client, io, options, request))) return;
        const start = await startLifecycle(client, request);
        const told = start.started ? 'Started' : 'The same request holds it already:';
        if (options.wait !== true) {
          const next = `orrery lifecycle watch ${request.model} ${request.version}`;
          print(io, options, start, `${told} ${start.workflowId}\nnext: ${next}`);
          return;
        }
        io.err(`${told} ${start.workflowId}\n`);
        await waitForRelease(client, io, request, options.json === true);
      });
    });
}

/** Scripts have nobody to ask: they start as they always did. */
async function isWanted(
  client: Client,
  io: Io,
  { yes, json }: StartOptions,
  request: LifecycleRequest,
): Promise<boolean> {
  if (!io.interactive || yes === true || json === true) return true;
  const [{ planStart }, { planText }, { questionFor }] = await Promise.all([
    import('../operations/start-work.ts'),
    import('./price-text.ts'),
    import('./run-commands.ts'),
  ]);
  const plan = await planStart(client, { workflow: 'runLifecycle', request });
  io.err(`${planText(plan)}\n`);
  return io.confirm(questionFor(plan));
}

async function dryRun(
  io: Io,
  options: { readonly json?: boolean },
  request: LifecycleId,
): Promise<void> {
  const { digestOf } = await import('../../core/canonical.ts');
  const { lifecycleId } = await import('../../core/ids.ts');
  const plan = { workflowId: lifecycleId(request), requestDigest: digestOf(request), request };
  print(
    io,
    options,
    plan,
    `Would start ${plan.workflowId} with\n${JSON.stringify(request, null, 2)}`,
  );
}

async function waitForRelease(
  client: Client,
  io: Io,
  id: LifecycleId,
  json: boolean,
  secondsMax?: number,
): Promise<void> {
  const [follow, { failureOf, isReleased, newLines, viewText }] = await Promise.all([
    import('./follow.ts'),
    import('./lifecycle-text.ts'),
  ]);
  let shown = '';
  const view = await follow.followLifecycle(
    client,
    id,
    secondsMax ?? follow.FOLLOW_SECONDS_DEFAULT,
    (change) => {
      const text = viewText(change);
      if (!json) io.out(`${newLines(shown, text)}\n`);
      shown = text;
    },
  );
  if (json) io.out(`${JSON.stringify(view, null, 2)}\n`);
  if (isReleased(view)) return;
  throw (json ? null : failureOf(view)) ?? new Unsuccessful(view.status);
}

function addWatch(lifecycle: Command, io: Io): void {
  leaf(lifecycle, {
    name: 'watch',
    summary: 'print what changes until the run ends; exit 0 only if the version was released',
    examples: ['orrery lifecycle watch fraud v2', 'orrery lifecycle watch fraud v2 --for 600'],
  })
    .argument('<model>')
    .argument('<version>')
    .option('--for <seconds>', 'give up after so long', secondsOption)
    .action(async (model: string, version: string, options: { for?: number; json?: boolean }) =>
      withClient(io, (client) =>
        waitForRelease(client, io, { model, version }, options.json === true, options.for),
      ),
    );
}

interface ListOptions {
  readonly model?: string;
  readonly stage?: string;
  readonly needsDecision?: boolean;
  readonly limit?: number;
  readonly json?: boolean;
}

function addReadings(lifecycle: Command, io: Io): void {
  leaf(lifecycle, {
    name: 'list',
    summary: 'list lifecycles, newest first',
    examples: ['orrery lifecycle list', 'orrery lifecycle list --model fraud --needs-decision'],
  })
    .option('--model <model>', 'only of this model')
    .option('--stage <stage>', 'only in this stage')
    .option('--needs-decision', 'only those that wait for a human')
    .option('--limit <n>', '1–1000, default 50', limitOption)
    .action(async ({ stage, json, ...filter }: ListOptions) =>
      withClient(io, async (client) => {
        const { listLifecycles } = await import('../operations/list-lifecycles.ts');
        const { listText } = await import('./lifecycle-text.ts');
        const list = await listLifecycles(client, {
          ...filter,
          ...(stage === undefined ? {} : { stage: stage as Stage }),
        });
        print(io, json === true ? { json } : {}, list, listText(list));
      }),
    );
  leaf(lifecycle, {
    name: 'show',
    summary: 'show the card, live progress and the rollout of one lifecycle',
    examples: ['orrery lifecycle show fraud v2', 'orrery lifecycle show fraud v2 --json'],
  })
    .argument('<model>')
    .argument('<version>')
    .action(async (model: string, version: string, options: { json?: boolean }) =>
      withClient(io, async (client) => {
        const { showLifecycle } = await import('../operations/show-lifecycle.ts');
        const { viewText } = await import('./lifecycle-text.ts');
        const view = await showLifecycle(client, { model, version });
        print(io, options, view, viewText(view));
      }),
    );
  leaf(lifecycle, {
    name: 'history',
    summary: 'list the events of one lifecycle',
    examples: ['orrery lifecycle history fraud v2'],
  })
    .argument('<model>')
    .argument('<version>')
    .action(async (model: string, version: string, options: { json?: boolean }) =>
      withClient(io, async (client) => {
        const { historyOf } = await import('../operations/history.ts');
        const { historyText } = await import('./lifecycle-text.ts');
        const events = await historyOf(client, { model, version });
        print(io, options, events, historyText(events));
      }),
    );
}
