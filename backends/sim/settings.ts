import { z } from 'zod';

import { isErrorCode, OrreryError, type ErrorCode } from '../../core/errors.ts';
import { CALL_NAMES, type CallName } from './methods.ts';
import { objectiveScript, pipelineScript, searchRule } from './work-script.ts';

const share = z.number().min(0).max(1);
const percent = z.number().min(0).max(100);
const seconds = z.number().nonnegative();
const callName = z.custom<CallName>((value) => CALL_NAMES.includes(value as CallName), {
  error: `a call is one of ${CALL_NAMES.join(', ')}`,
});
const errorCode = z.custom<ErrorCode>(isErrorCode, { error: 'not a code of core/errors.ts' });

/** How a job ends. `atPercent` is the progress at which it happens, 0–100. */
const ending = z.discriminatedUnion('does', [
  z.strictObject({ does: z.literal('succeed') }),
  z.strictObject({
    does: z.literal('exit'),
    code: z.int().min(1).max(255),
    atPercent: percent.default(100),
  }),
  /** SIGKILL from outside, as when memory runs out or a host is reclaimed without notice. */
  z.strictObject({ does: z.literal('kill'), atPercent: percent }),
  /** Runs on without progress until it is stopped or its time is up. */
  z.strictObject({ does: z.literal('stall'), atPercent: percent }),
  /** Exits with 0 and leaves no output. */
  z.strictObject({ does: z.literal('lose-outputs') }),
  /** Gone without a terminal record. */
  z.strictObject({ does: z.literal('vanish'), atPercent: percent }),
]);

/** The first rule whose members all match a job says how it goes; without one it succeeds. */
const jobRule = z.strictObject({
  kind: z.enum(['prepare', 'train', 'score']).optional(),
  version: z.string().optional(),
  /** 1, 2, …: how many jobs of the same spec there are with this one. */
  attempt: z.int().positive().optional(),
  /** Parameters that the job must have, with these values. */
  params: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  seconds: seconds.optional(),
  ending: ending.default({ does: 'succeed' }),
});

const versionScript = z.strictObject({
  /** Distance of the scores of positives from those of negatives, in standard deviations. */
  quality: z.number().default(3),
  /** Shares of requests that end in an error, or take `slowMs`. */
  errorRate: share.default(0.001),
  slowRate: share.default(0.001),
  slowMs: z.number().positive().default(5000),
  /** How many of its deployments fail, the first ones first. */
  deploysFail: z.int().nonnegative().default(0),
});

/** A stretch of time, seconds since the world began; the end is exclusive. */
const window = { fromSecond: seconds, toSecond: seconds };

const incident = z.strictObject({
  ...window,
  /** Null for every version. */
  version: z.string().nullable().default(null),
  errorRate: share.default(0),
  slowRate: share.default(0),
});

const outage = z.strictObject({
  ...window,
  /** Null: the source answers without any arm. */
  throws: errorCode.nullable().default(null),
});

/** What somebody else does: before the n-th call of a method, or once so much time has passed. */
const stranger = z.strictObject({
  when: z.union([
    z.strictObject({ atSecond: seconds }),
    z.strictObject({ call: callName, nth: z.int().positive().default(1) }),
  ]),
  does: z.discriminatedUnion('what', [
    z.strictObject({
      what: z.literal('move-champion'),
      model: z.string(),
      region: z.string(),
      version: z.string(),
    }),
    /** Gives the version all traffic of the route. */
    z.strictObject({ what: z.literal('move-weights'), route: z.string(), version: z.string() }),
    z.strictObject({ what: z.literal('end-endpoint'), key: z.string() }),
  ]),
});

const callFault = z.strictObject({
  call: callName,
  /** The first faulty call, counted from 1 over the life of the world. */
  nth: z.int().positive().default(1),
  /** How many calls in a row. */
  times: z.int().positive().default(1),
  /** `after`: the effect happened and the reply is lost. */
  moment: z.enum(['before', 'after']),
  /** Null: the call never answers, so that its caller can be killed there. */
  throws: errorCode.nullable().default('INTERNAL'),
});

/** `sim://<name>`: literal text, or a table `id,amount,hour,<label>` drawn from the seed. */
const simFile = z.union([
  z.strictObject({ text: z.string() }),
  z.strictObject({
    rows: z.int().positive().max(1_000_000),
    positiveShare: share.default(0.03),
    label: z.string().default('label'),
  }),
]);

const worldScriptSchema = z.strictObject({
  seed: z.int().nonnegative().default(1),
  /** ISO 8601; when the world begins. */
  startsAt: z.iso.datetime().default('2026-01-01T00:00:00Z'),
  /** Real milliseconds that a virtual second takes; 0: none. */
  realMsPerSecond: z.number().nonnegative().default(0),
  jobs: z.array(jobRule).default([]),
  jobSeconds: z
    .strictObject({
      prepare: seconds.default(5),
      train: seconds.default(60),
      score: seconds.default(5),
    })
    .prefault({}),
  /** Steps of progress of a job. */
  jobSteps: z.int().positive().max(10_000).default(20),
  /** A job in a checkpoint scope saves after each such share of its work. */
  checkpointEveryPercent: z.number().positive().max(100).default(25),
  /** How long a job takes to end after it was asked to, at most its own grace. */
  stopSeconds: seconds.default(1),
  /** Name → how its runs go; a pipeline without a script is not there. */
  pipelines: z.record(z.string(), pipelineScript).default({}),
  searches: z.array(searchRule).default([]),
  objective: objectiveScript,
  heldOut: z
    .strictObject({
      rows: z.int().positive().max(1_000_000).default(2000),
      positiveShare: share.default(0.03),
    })
    .prefault({}),
  files: z.record(z.string(), simFile).default({}),
  versions: z.record(z.string(), versionScript).default({}),
  deploySeconds: seconds.default(2),
  /** Requests a second on every route. */
  requestsPerSecond: z.number().nonnegative().default(100),
  incidents: z.array(incident).default([]),
  metricsOutages: z.array(outage).default([]),
  /** Seconds at which the source of the counts starts from 0 again. */
  metricsRestarts: z.array(seconds).default([]),
  strangers: z.array(stranger).default([]),
  faults: z.array(callFault).default([]),
  usdPerCpuHour: z.number().nonnegative().default(0.04),
  usdPerGibHour: z.number().nonnegative().default(0.005),
  /** PEM of a P-256 key pair; without one the world makes its own, the one thing no seed decides. */
  signerKey: z.strictObject({ privateKey: z.string(), publicKey: z.string() }).optional(),
  approvers: z.array(z.strictObject({ name: z.string(), publicKey: z.string() })).default([]),
});

/** A script as it is written: plain JSON, every member optional. */
export type WorldScript = z.input<typeof worldScriptSchema>;
/** A script with its defaults filled in. */
export type FullScript = z.output<typeof worldScriptSchema>;
export type JobEnding = z.output<typeof ending>;
export type CallFault = z.output<typeof callFault>;
export type Stranger = z.output<typeof stranger>;
export type VersionScript = z.output<typeof versionScript>;

/** The script of a version, or the defaults for one that the script does not name. */
export function versionOf(script: FullScript, version: string): VersionScript {
  return script.versions[version] ?? versionScript.parse({});
}

const settingsSchema = z.union([
  z.strictObject({ world: worldScriptSchema }),
  /** Path of the unix socket on which another process serves its world. */
  z.strictObject({ socket: z.string().startsWith('/') }),
]);
export type SimSettings = z.output<typeof settingsSchema>;

/** @throws OrreryError SETTINGS_INVALID naming each member that does not fit */
export function parseScript(value: unknown): FullScript {
  return parse(worldScriptSchema, value, 'make a world');
}

export const simSettings = {
  /** @throws OrreryError SETTINGS_INVALID naming each member that does not fit */
  parse(value: unknown): SimSettings {
    // A union tells only that no form fits; with the form known, each fault has its place.
    const { world, ...rest } = (value ?? {}) as { readonly world?: unknown };
    if (world === undefined || Object.keys(rest).length > 0) {
      return parse(settingsSchema, value, 'open the backend "sim", wanted {world} or {socket}');
    }
    return { world: parseScript(world) };
  },
};

function parse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  action: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(
    ({ path, message }) => `${path.join('.') || '(whole)'}: ${message}`,
  );
  throw new OrreryError('SETTINGS_INVALID', `Cannot ${action}: ${faults.join('; ')}`, {
    details: { faults },
  });
}
