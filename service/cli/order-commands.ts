import type { Command } from 'commander';
import type { OrderKind } from '../operations/order-lifecycle.ts';
import { ask, group, leaf, print, withClient } from './command.ts';
import type { Io } from './io.ts';
import { ordererOf } from './orderer.ts';
import { readText } from './read-json.ts';

interface OrderOptions {
  readonly reason: string;
  readonly by?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function addOrders(lifecycle: Command, io: Io): void {
  addApprove(lifecycle, io);
  addOrder(lifecycle, io, 'pause', 'hold the run where it is; traffic stays as it is');
  addOrder(lifecycle, io, 'resume', 'go on after a pause, or after a rollout’s question');
  addOrder(lifecycle, io, 'rollback', 'take the version out of traffic now');
  leaf(lifecycle, {
    name: 'cancel',
    summary: 'cancel the run; its jobs are stopped and its traffic is taken back',
    examples: ['orrery lifecycle cancel fraud v2', 'orrery lifecycle cancel fraud v2 -y'],
  })
    .argument('<model>')
    .argument('<version>')
    .option('-y, --yes', 'do not ask')
    .action(async (model: string, version: string, options: { yes?: boolean; json?: boolean }) => {
      if (!(await ask(io, options, `Cancel the lifecycle of ${model} ${version}?`))) return;
      await withClient(io, async (client) => {
        const { cancelLifecycle } = await import('../operations/order-lifecycle.ts');
        const answer = await cancelLifecycle(client, { model, version });
        const next = `orrery lifecycle watch ${model} ${version}`;
        print(io, options, answer, `Cancellation requested\nnext: ${next}`);
      });
    });
}

function addOrder(lifecycle: Command, io: Io, kind: OrderKind, summary: string): void {
  const command = leaf(lifecycle, {
    name: kind,
    summary,
    examples: [`orrery lifecycle ${kind} fraud v2 --reason "errors in checkout"`],
  })
    .argument('<model>')
    .argument('<version>')
    .option('--reason <text>', 'why, for the status and the history', '')
    .option('--by <name>', 'who orders (default: ORRERY_USER, else the login name)');
  if (kind === 'rollback') command.option('-y, --yes', 'do not ask');
  command.action(async (model: string, version: string, options: OrderOptions) => {
    const asks = kind === 'rollback';
    if (asks && !(await ask(io, options, `Roll ${model} ${version} back?`))) return;
    await withClient(io, async (client) => {
      const { orderLifecycle } = await import('../operations/order-lifecycle.ts');
      const order = { by: ordererOf(io, options), reason: options.reason };
      const answer = await orderLifecycle(client, { model, version }, kind, order);
      print(io, options, answer, answer.effect);
    });
  });
}

interface ApproveOptions {
  readonly key: string;
  readonly reject?: boolean;
  readonly reason: string;
  readonly json?: boolean;
}

function addApprove(lifecycle: Command, io: Io): void {
  leaf(lifecycle, {
    name: 'approve',
    summary: 'sign exactly what the run waits for, and send the signature',
    examples: [
      'orrery lifecycle approve fraud v2 --key approver.pem',
      'orrery lifecycle approve fraud v2 --key approver.pem --reject --reason "recall fell"',
    ],
  })
    .argument('<model>')
    .argument('<version>')
    .requiredOption('--key <file>', 'Ed25519 private key (PKCS #8 PEM); it stays on this machine')
    .option('--reject', 'reject instead')
    .option('--reason <text>', 'why; it is signed too', '')
    .action(async (model: string, version: string, options: ApproveOptions) => {
      const privateKeyPem = await readText(options.key);
      await withClient(io, async (client) => {
        const [{ approveLifecycle }, { signApproval }] = await Promise.all([
          import('../operations/approve-lifecycle.ts'),
          import('../sign-approval.ts'),
        ]);
        const decision = options.reject === true ? 'reject' : 'approve';
        const answer = await approveLifecycle(
          client,
          { model, version },
          { privateKeyPem, decision, reason: options.reason },
          signApproval,
        );
        print(io, options, answer, answer.effect);
      });
    });
}

export function addIncident(program: Command, io: Io): void {
  const incident = group(program, 'incident', 'tell a running lifecycle what happened');
  leaf(incident, {
    name: 'report',
    summary: 'report an incident; a rollout that runs is taken back',
    examples: [
      'orrery incident report fraud v2 --description "chargebacks doubled"',
      'orrery incident report fraud v2 --region eu --description "pager 4711"',
    ],
  })
    .argument('<model>')
    .argument('<version>')
    .requiredOption('--description <text>', 'what happened')
    .option('--region <region>', 'only there (default: every region)')
    .action(
      async (
        model: string,
        version: string,
        options: { description: string; region?: string; json?: boolean },
      ) =>
        withClient(io, async (client) => {
          const { reportIncident } = await import('../operations/order-lifecycle.ts');
          const answer = await reportIncident(
            client,
            { model, version },
            { region: options.region ?? null, description: options.description },
          );
          print(io, options, answer, 'Reported');
        }),
    );
}
