/**
 * The recorded availability of spot capacity that tests and benches run on. It lies beside the
 * checkout, is under no licence of ours and is never read by the product.
 */
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { SpotJob } from '../../core/spot/situation.ts';

const ROOT = new URL('../../../shared/data/spot-traces/', import.meta.url);

/** False on a machine that has the checkout alone. */
export const HAS_SPOT_TRACES = existsSync(ROOT);

/** Of V100s in us-west-2 in 2022; the ratio is that of the paper. */
export const TRACE_USD_PER_HOUR = { spot: 0.9731, onDemand: 3.06 } as const;

export interface SpotTrace {
  readonly path: string;
  readonly lookSeconds: number;
  /** Instances that could be had in each look. */
  readonly counts: readonly number[];
}

const read = new Map<string, SpotTrace>();

/** @param path within the folder, without `.gz` */
export function spotTrace(path: string): SpotTrace {
  const known = read.get(path);
  if (known !== undefined) return known;
  const { metadata, data } = JSON.parse(
    gunzipSync(readFileSync(new URL(`${path}.gz`, ROOT))).toString('utf8'),
  ) as { readonly metadata: { readonly gap_seconds: number }; readonly data: readonly number[] };
  const trace = { path, lookSeconds: metadata.gap_seconds, counts: data };
  read.set(path, trace);
  return trace;
}

export interface ReferenceWindow {
  readonly trace: string;
  readonly start_tick: number;
  readonly C_h: number;
  readonly R_h: number;
  readonly d_h: number;
  readonly cost_usd: {
    readonly greedy: number;
    readonly uniform_progress: number;
    readonly omniscient: number;
  };
}

export function referenceWindows(): readonly ReferenceWindow[] {
  const text = readFileSync(new URL('reference-windows.json', ROOT), 'utf8');
  return (JSON.parse(text) as { readonly windows: readonly ReferenceWindow[] }).windows;
}

/** A set of traces that are run alike. */
export interface TraceSet {
  readonly name: string;
  readonly paths: readonly string[];
  readonly nodes: number;
  readonly workHours: number;
  /** Looks of each trace that are used; Infinity for all. */
  readonly looksMax: number;
}

const V100_2023 = 'us-east-1a us-east-1c us-east-1f us-east-2a us-west-2a us-west-2b'.split(' ');
const KINDS_2022 = ['k80_1', 'k80_8', 'v100_1', 'v100_8'];

export const TRACE_SETS = {
  days13: {
    name: '13 days, 8 traces',
    paths: ['us-west-2a', 'us-west-2b'].flatMap((zone) =>
      KINDS_2022.map((kind) => `availability/1-node/aws-10-26-2022/${zone}_${kind}.json`),
    ),
    nodes: 1,
    workHours: 48,
    looksMax: 1872,
  },
  zones6: {
    name: '6 zones of 2023',
    paths: V100_2023.map((zone) => `availability/1-node/aws-02-15-2023/${zone}_v100_1.json`),
    nodes: 1,
    workHours: 48,
    looksMax: Infinity,
  },
  gang4: {
    name: 'gang of 4, 2 zones',
    paths: ['us-east-1f', 'us-east-2a'].map(
      (zone) => `preemption/4-node/aws-08-03-2023/${zone}_v100_1.json`,
    ),
    nodes: 4,
    workHours: 48,
    looksMax: Infinity,
  },
  gang16: {
    name: 'gang of 16, 1 zone',
    paths: ['availability/16-node/aws-08-27-2023/us-west-2a_v100_1.json'],
    nodes: 16,
    workHours: 48,
    looksMax: Infinity,
  },
} as const satisfies Readonly<Record<string, TraceSet>>;

/** @param hours C, and R and d of the job */
export function traceJob(
  trace: SpotTrace,
  hours: { readonly work: number; readonly deadline: number; readonly changeover: number },
): SpotJob {
  return {
    workSeconds: hours.work * 3600,
    deadlineSeconds: Math.round(hours.deadline * 3600),
    changeoverSeconds: hours.changeover * 3600,
    lookSeconds: trace.lookSeconds,
    usdPerHour: TRACE_USD_PER_HOUR,
  };
}

/** First looks of so many windows, spread evenly over a trace. */
export function windowStarts(
  trace: SpotTrace,
  looksMax: number,
  deadlineSeconds: number,
  windows: number,
): number[] {
  const looks = Math.min(trace.counts.length, looksMax);
  const width = Math.floor(deadlineSeconds / trace.lookSeconds) + 3;
  return Array.from({ length: windows }, (_, k) => Math.floor((k * (looks - width)) / windows));
}

/** Whether a gang of so many nodes can be had in look i of the window; past the end it cannot. */
export function windowOf(trace: SpotTrace, start: number, nodes: number) {
  return (index: number): boolean => (trace.counts[start + index] ?? 0) >= nodes;
}
