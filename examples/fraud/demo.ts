/**
 * `make demo`: the whole life of a fraud model on the real engine. v1 is trained on raw data, killed
 * in the middle and resumed, and becomes the first champion; v2 goes the whole way through a canary
 * under live traffic; v3 is wrong in a way that only live traffic shows, and is rolled back. Then a
 * schedule that retrains.
 *
 * `--wait-for-approval` leaves the approvals to you; `--keep` leaves everything running.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ports } from '../../core/backend.ts';
import type { Outcome } from '../../core/lifecycle/state.ts';
import { approverKeyPath } from '../../backends/local/keys.ts';
import { down } from '../../workers/down.ts';
import { PROJECT_ROOT } from '../../workers/home.ts';
import { up } from '../../workers/up.ts';
import { programOutput, shown } from './demo-command.ts';
import { ended, follower, jobProgress, viewOf, waitsForApproval } from './demo-follow.ts';
import type { Follower } from './demo-follow.ts';
import { actionsOf, reportTable } from './demo-report.ts';
import {
  freshHome,
  killTrainer,
  liveWeightOf,
  liveWeights,
  MODEL,
  openLocal,
  REGION,
  startPayments,
} from './demo-world.ts';
import { fraudRequest } from './requests.ts';
import type { FraudRequestOptions } from './requests.ts';
import type { Traffic } from './traffic.ts';

const AUTHOR = 'ada';
const APPROVER = 'grace';
/** Payments a second: a canary of 1 % sees four of them. */
const RATE_PER_SECOND = 400;
/** The trainer is killed once it has told this share of its progress. */
const KILL_AT_SHARE = 0.4;

const flags = new Set(process.argv.slice(2));
const startedAt = performance.now();
const tell = (line: string) => {
  process.stdout.write(
    `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}\n`,
  );
};

interface Demo {
  readonly home: string;
  readonly apiUrl: string;
  readonly dataPath: string;
  readonly local: { readonly ports: Ports };
}

async function main(): Promise<void> {
  const home = await freshHome();
  tell(`starts in ${home}`);
  let traffic: Traffic | null = null;
  try {
    const { apiUrl, temporalUiUrl, temporalAddress } = await up(tell);
    const dataPath = await generated(home);
    const demo: Demo = { home, apiUrl, dataPath, local: await openLocal(home) };
    await firstVersion(demo);
    traffic = await startPayments(demo.local, home, RATE_PER_SECOND);
    tell(`customers pay: ${RATE_PER_SECOND} requests a second through Envoy`);
    await release(demo, 'v2', { trees: 80 }, 'released');
    await release(demo, 'v3', { recipe: 'terminal-table' }, 'rolled-back');
    const weight = await liveWeightOf(demo.local, 'v3');
    tell(
      `live weight of v3 read back from Envoy: ${weight} % (Envoy serves ${await liveWeights(demo.local)})`,
    );
    if (weight !== 0) throw new Error(`v3 still has ${weight} % of the traffic`);
    await schedule(demo);
    const report = await traffic.stop();
    traffic = null;
    const actions = await actionsOf(temporalAddress, ['v1', 'v2', 'v3']);
    const views = await Promise.all(
      ['v1', 'v2', 'v3'].map((version) => viewOf(apiUrl, MODEL, version)),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    process.stdout.write(
      reportTable({
        views,
        actions,
        report,
        seconds,
        apiUrl,
        temporalUiUrl,
        home,
        kept: flags.has('--keep'),
      }),
    );
  } finally {
    await traffic?.stop();
    if (!flags.has('--keep')) await down(tell);
  }
}

async function generated(home: string): Promise<string> {
  const path = join(home, 'transactions.csv');
  const script = join(PROJECT_ROOT, 'examples', 'fraud', 'generate.py');
  const python = join(home, 'venv', 'bin', 'python');
  tell(`raw data: ${await programOutput(python, [script, '--out', path])}`);
  return path;
}

async function firstVersion(demo: Demo): Promise<void> {
  const follow = await start(demo, 'v1', { trees: 60, stepDelayMs: 20 });
  await follow((view) => {
    const progress = jobProgress(view);
    return (
      progress !== null &&
      progress.message.includes('tree') &&
      progress.step >= KILL_AT_SHARE * progress.steps
    );
  });
  tell(`v1  kill -9 of the trainer, process ${await killTrainer(demo.home)}`);
  await approveAndFollow(demo, 'v1', follow, 'released');
}

async function release(
  demo: Demo,
  version: string,
  recipe: Partial<FraudRequestOptions>,
  wanted: Outcome,
): Promise<void> {
  const follow = await start(demo, version, recipe);
  await approveAndFollow(demo, version, follow, wanted);
}

async function start(
  { apiUrl, dataPath }: Demo,
  version: string,
  recipe: Partial<FraudRequestOptions>,
): Promise<Follower> {
  const programsDir = join(PROJECT_ROOT, 'examples', 'fraud');
  const request = fraudRequest({
    version,
    author: AUTHOR,
    dataPath,
    programsDir,
    regions: [REGION],
    costUsdMax: 1,
    ...recipe,
  });
  const answer = await fetch(`${apiUrl}/v1/lifecycles`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  if (!answer.ok) throw new Error(`Cannot start ${version}: ${await answer.text()}`);
  tell(`${version}  started over HTTP (${recipe.recipe ?? 'standard'} recipe)`);
  return follower({ apiUrl, model: MODEL, version, tell });
}

async function approveAndFollow(
  demo: Demo,
  version: string,
  follow: Follower,
  wanted: Outcome,
): Promise<void> {
  const view = await follow(waitsForApproval);
  if (!ended(view)) {
    if (flags.has('--wait-for-approval')) {
      const key = approverKeyPath(demo.home, APPROVER);
      tell(
        `${version}  waits for you: ORRERY_HOME=${demo.home} ./orrery lifecycle approve ${MODEL} ${version} --key ${key}`,
      );
    } else {
      tell(`${version}  the demo approves by itself, as ${APPROVER}:`);
      await shown(tell, [
        'lifecycle',
        'approve',
        MODEL,
        version,
        '--key',
        approverKeyPath(demo.home, APPROVER),
      ]);
    }
  }
  const end = await follow(ended);
  const outcome = end.state?.outcome;
  if (outcome !== wanted)
    throw new Error(`${version} ended as ${outcome}, wanted ${wanted}: ${end.state?.reason}`);
}

async function schedule({ home, dataPath }: Demo): Promise<void> {
  const programsDir = join(PROJECT_ROOT, 'examples', 'fraud');
  const { version: _, ...lifecycle } = fraudRequest({
    version: 'v0',
    author: AUTHOR,
    dataPath,
    programsDir,
    regions: [REGION],
  });
  const file = join(home, 'retrain.json');
  writeFileSync(file, JSON.stringify({ schemaVersion: 1, lifecycle }));
  await shown(tell, ['schedule', 'create', '--request', file, '--cron', '0 3 * * 1']);
  await shown(tell, ['schedule', 'trigger', MODEL, '--note', 'the demo triggers it once']);
  await shown(tell, ['schedule', 'list']);
  await shown(tell, ['schedule', 'pause', MODEL]);
  await shown(tell, ['lifecycle', 'list']);
}

await main();
