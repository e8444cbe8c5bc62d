import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OrreryError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { BackendDescription, BackendOrder, OrderKind } from '../../core/operations/order.ts';
import type { Io } from '../../service/cli/io.ts';
import { runCli } from '../../service/cli/program.ts';
import { engineDouble } from './engine-double.ts';
import type { EngineDouble } from './engine-double.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Questions, in order. */
  readonly asked: readonly string[];
}

/** A command line over an engine whose worker answers orders as a test tells it. */
export interface OperatorScene {
  readonly home: string;
  readonly engine: EngineDouble;
  /** Kind of an order → what the worker answers. */
  readonly answers: Partial<Record<OrderKind, (order: never) => unknown>>;
  /** `answer`: there is a terminal, and whoever sits there says yes or no. */
  orrery(args: readonly string[], more?: { stdin?: unknown; answer?: boolean }): Promise<Ran>;
  /** The orders of a kind that were given. */
  orders(kind: OrderKind): readonly BackendOrder[];
  remove(): Promise<void>;
}

export async function operatorScene(): Promise<OperatorScene> {
  const home = await mkdtemp(join(tmpdir(), 'orrery-operator-'));
  const engine = engineDouble();
  const answers: OperatorScene['answers'] = {
    list: () => ({ items: BACKENDS, left: 0 }),
    check: ({ backend }: { backend: string }) => CHECKS[backend],
    quotePrice: ({ backend }: { backend: string }) => ({
      usdPerHour: backend === 'cloud' ? 2 : 0.5,
      source: 'book',
      asOf: '2026-11-24',
    }),
  };
  engine.carryOut = (order) => {
    const answer = answers[order.kind];
    if (answer === undefined) throw new OrreryError('INTERNAL', `no answer to ${order.kind}`);
    return answer(order as never);
  };
  return {
    home,
    engine,
    answers,
    orrery: (args, more = {}) => run(home, engine, args, more),
    orders: (kind) =>
      engine.writes
        .filter(({ what }) => what === 'order')
        .map(({ value }) => value as BackendOrder)
        .filter((order) => order.kind === kind),
    remove: () => rm(home, { recursive: true, force: true }),
  };
}

async function run(
  home: string,
  engine: EngineDouble,
  args: readonly string[],
  more: { stdin?: unknown; answer?: boolean },
): Promise<Ran> {
  let out = '';
  let err = '';
  const asked: string[] = [];
  const io: Io = {
    env: { ORRERY_HOME: home, ORRERY_USER: 'ada' },
    interactive: more.answer !== undefined,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    readStdin: async () => JSON.stringify(more.stdin),
    confirm: async (question) => {
      asked.push(question);
      return more.answer === true;
    },
    openEngine: async () => ({
      client: engine.client,
      address: 'double',
      namespace: 'default',
      close: async () => undefined,
    }),
  };
  return { code: await runCli(args, io), out, err, asked };
}

/** An answer that is an error of the catalogue. */
export const refuse = (code: ErrorCode, message: string) => () => {
  throw new OrreryError(code, message);
};

const backend = (name: string, more: Partial<BackendDescription> = {}): BackendDescription => ({
  name,
  summary: `the ${name}`,
  has: ['compute', 'inventory', 'prices'],
  lacks: { pools: 'it has one' },
  configured: true,
  ...more,
});
const BACKENDS = [
  backend('cloud'),
  backend('host', { has: ['compute', 'prices'] }),
  backend('other', { configured: false }),
];
const found = (state: 'ok' | 'missing', subject: string, told: string) => ({
  subject,
  state,
  told,
  action: state === 'ok' ? '' : 'Mend it',
});
const CHECKS: Readonly<Record<string, unknown>> = {
  cloud: {
    findings: [found('ok', 'endpoint', 'eu-west-1'), found('missing', 'quota', 'none left')],
    seconds: 0.25,
  },
  host: { findings: null, seconds: 0.1 },
};
