/**
 * Live traffic against a route: payments as they come in, at a steady rate.
 *
 * The loop is open: a request is sent when it is due, not when the one before was answered, so a slow
 * server does not slow the load down and hide itself (coordinated omission). Latency counts from the
 * moment a request was due. Which customer pays what at which terminal follows from the seed alone.
 */
import { Pool } from 'undici';
import type { FeatureRow } from './held-out-rows.ts';
import { latencies } from './latencies.ts';
import { seededRandom } from '../../kernels/statistics/random.ts';

export interface TrafficOptions {
  /** Address of the route, such as `http://127.0.0.1:8080/v1/fraud/eu-west/score`. */
  readonly url: string;
  /** 1–2,000 */
  readonly ratePerSecond: number;
  readonly seed: number;
  /** Transactions to draw from, without the label. */
  readonly rows: readonly FeatureRow[];
  /** Share of payments at terminals that opened after the data was taken, 0–1; default 0.15. */
  readonly newTerminalShare?: number;
  /** Number of customers who pay; each is told by `x-customer-id`. Default 1,600. */
  readonly customers?: number;
}

export interface TrafficReport {
  /** Requests that were due, of which `dropped` were not sent because too many were under way. */
  readonly due: number;
  readonly dropped: number;
  readonly answered: number;
  /** `<model>/<version>` as the server said, or `none` → HTTP status, or `error` → requests. */
  readonly byVersion: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly seconds: number;
}

export interface Traffic {
  /** Counts up to now. */
  report(): TrafficReport;
  /** Sends nothing more, waits for the answers under way, and reports. */
  stop(): Promise<TrafficReport>;
}

const RATE_MAX = 2_000;
const CONNECTIONS = 32;
/** Requests under way at once; more than this are dropped and counted. */
const UNDER_WAY_MAX = 2_000;
/** Milliseconds between two looks at what is due. */
const PACE_MS = 2;
const TIMEOUT_MS = 10_000;
/** Terminals that opened later have identifiers of a new series, beyond every one in the data. */
const NEW_TERMINALS_FROM = 100_000;
const NEW_TERMINALS = 320;
const TERMINAL = 'terminal_id';

/** @throws RangeError for options outside their ranges */
export function startTraffic(options: TrafficOptions): Traffic {
  checkOptions(options);
  const { origin, pathname, search } = new URL(options.url);
  const pool = new Pool(origin, {
    connections: CONNECTIONS,
    pipelining: 1,
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  });
  const draw = payments(options);
  const tally = newTally();
  const underWay = new Set<Promise<void>>();
  const startedAt = performance.now();
  let endedAt: number | null = null;

  async function send(dueAt: number): Promise<void> {
    const { customer, body } = draw();
    try {
      const response = await pool.request({
        path: pathname + search,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-customer-id': customer },
        body,
      });
      const version = response.headers['x-orrery-model'];
      await response.body.dump();
      tally.add(typeof version === 'string' ? version : 'none', String(response.statusCode));
    } catch {
      tally.add('none', 'error');
    }
    tally.latency.add(performance.now() - dueAt);
  }

  function sendDue(): void {
    const now = performance.now();
    const due = Math.floor(((now - startedAt) / 1000) * options.ratePerSecond);
    for (; tally.due < due; tally.due += 1) {
      if (underWay.size >= UNDER_WAY_MAX) {
        tally.dropped += 1;
        continue;
      }
      const sent = send(startedAt + (tally.due / options.ratePerSecond) * 1000);
      underWay.add(sent);
      void sent.finally(() => underWay.delete(sent));
    }
  }

  const pacer = setInterval(sendDue, PACE_MS);
  const report = () => tally.report(((endedAt ?? performance.now()) - startedAt) / 1000);
  return {
    report,
    async stop() {
      clearInterval(pacer);
      endedAt ??= performance.now();
      await Promise.all(underWay);
      await pool.close();
      return report();
    },
  };
}

function checkOptions({
  ratePerSecond,
  rows,
  newTerminalShare = 0,
  customers = 1,
}: TrafficOptions) {
  if (!(ratePerSecond >= 1 && ratePerSecond <= RATE_MAX)) {
    throw new RangeError(`Cannot send ${ratePerSecond} requests/s: wanted 1–${RATE_MAX}`);
  }
  if (!(newTerminalShare >= 0 && newTerminalShare <= 1)) {
    throw new RangeError(`Cannot send a share of ${newTerminalShare} to new terminals: wanted 0–1`);
  }
  if (rows.length === 0 || !Number.isInteger(customers) || customers < 1) {
    throw new RangeError(
      `Cannot send ${rows.length} rows of ${customers} customers: wanted one of each at least`,
    );
  }
}

/** Draws one payment after the other. */
function payments({ seed, rows, newTerminalShare = 0.15, customers = 1_600 }: TrafficOptions) {
  const next = seededRandom(seed);
  const random = () => next() / 2 ** 32;
  const below = (limit: number) => Math.floor(random() * limit);
  return () => {
    const customer = String(below(customers));
    const row = rows[below(rows.length)];
    const isNew = random() < newTerminalShare;
    const opened = isNew ? { [TERMINAL]: NEW_TERMINALS_FROM + below(NEW_TERMINALS) } : {};
    return { customer, body: JSON.stringify({ row: { ...row, ...opened } }) };
  };
}

function newTally() {
  const byVersion: Record<string, Record<string, number>> = {};
  const latency = latencies();
  return {
    due: 0,
    dropped: 0,
    latency,
    add(version: string, status: string): void {
      const counts = (byVersion[version] ??= {});
      counts[status] = (counts[status] ?? 0) + 1;
    },
    report(seconds: number): TrafficReport {
      const answered = Object.values(byVersion).flatMap(Object.values) as number[];
      return {
        due: this.due,
        dropped: this.dropped,
        answered: answered.reduce((sum, count) => sum + count, 0),
        byVersion: structuredClone(byVersion),
        latencyMs: {
          p50: latency.percentile(0.5),
          p95: latency.percentile(0.95),
          p99: latency.percentile(0.99),
        },
        seconds,
      };
    },
  };
}
