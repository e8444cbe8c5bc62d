import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { OrreryError } from '../../core/errors.ts';
import { connectionFaults, googleConnectionShape } from '../connections/google/settings.ts';

const usdPerHour = z.number().min(0);
const seconds = z.number().min(0);

/** A row of the machine table: what a type has, and what an hour of it costs. */
const machine = z.strictObject({
  machineType: z.string().min(1),
  cpus: z.number().positive(),
  memoryMiB: z.number().positive(),
  accelerator: z.strictObject({ type: z.string().min(1), count: z.int().min(1) }).optional(),
  /** US dollars for one hour of one machine with its accelerators, by scheduling strategy. */
  usdPerHour: z.strictObject({
    STANDARD: usdPerHour,
    SPOT: usdPerHour.optional(),
    FLEX_START: usdPerHour.optional(),
  }),
});

const scheduling = z.strictObject({
  /** custom_job.proto, Scheduling.Strategy. */
  strategy: z.enum(['STANDARD', 'SPOT', 'FLEX_START']).default('STANDARD'),
  /** Longest wait for machines with FLEX_START, seconds; 0 waits without end. Vertex AI: 24 h. */
  maxWaitSeconds: seconds.default(24 * 3600),
  /** Starts all workers again when one was; for programs that bear no worker leaving. */
  restartJobOnWorkerRestart: z.boolean().default(false),
  /** Whether Vertex AI may start a job again after an internal error of its own. */
  disableRetries: z.boolean().default(false),
});

const program = z.strictObject({
  image: z.string().min(1),
  /** What stands in the place of the word; empty for the image's own entry point. */
  command: z.array(z.string().min(1)).default([]),
});

const serving = z.strictObject({
  /** Container that loads `model.onnx` and `envelope.json` from AIP_STORAGE_URI. */
  image: z.string().min(1),
  predictRoute: z.string().startsWith('/').default('/predict'),
  healthRoute: z.string().startsWith('/').default('/healthz'),
  port: z.int().min(1).max(65_535).default(8080),
  machineType: z.string().min(1),
  replicasMin: z.int().min(1).default(1),
  replicasMax: z.int().min(1).default(1),
  /** PEM files of ECDSA P-256 public keys; a model signed by one of them may be served. */
  trustedKeyFiles: z.array(z.string().refine(isAbsolute, 'wanted an absolute path')).min(1),
  /** Longest wait for one deployment, seconds; the next call goes on with the same operation. */
  deployTimeoutSeconds: seconds.default(1800),
});

const schema = z.strictObject({
  ...googleConnectionShape,
  /** How often work is asked for its state while somebody waits, seconds. */
  pollSeconds: z.number().min(0.001).max(10).default(5),
  storage: z.strictObject({
    /** `gs://bucket/prefix` under which everything of ours lies, without a slash at the end. */
    root: z
      .string()
      .regex(/^gs:\/\/[a-z0-9][a-z0-9._-]+[a-z0-9]\/.*[^/]$/, 'wanted gs://bucket/prefix'),
    /** The JSON API of Cloud Storage. */
    endpoint: z.url({ protocol: /^https?$/ }).default('https://storage.googleapis.com'),
  }),
  /**
   * `pipeline`: a job is wrapped in a pipeline run of one step, whose id is the job's key.
   * `custom-job`: a job of its own, found by its label; see docs/backends/vertex.md for what that leaves open.
   */
  submit: z.enum(['pipeline', 'custom-job']).default('pipeline'),
  /**
   * Image of Google Cloud Pipeline Components, which Vertex AI runs as the step that starts the job;
   * without it the step is the pipeline's own custom-job executor.
   */
  launcherImage: z.string().min(1).optional(),
  scheduling: scheduling.prefault({}),
  /** PersistentResource on whose warm machines jobs run. */
  persistentResourceId: z
    .string()
    .regex(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/)
    .optional(),
  serviceAccount: z.email().optional(),
  network: z
    .string()
    .regex(/^projects\/[^/]+\/global\/networks\/[^/]+$/)
    .optional(),
  /** Image for commands that are a path. */
  image: z.string().min(1).optional(),
  /** First word of a command, when it has no slash → what runs. */
  programs: z.record(z.string().min(1), program).default({}),
  machines: z.array(machine).min(1),
  /** Date of the prices, `YYYY-MM-DD`. */
  pricesAsOf: z.iso.date(),
  /** Needed for the ports `serving` and `traffic`. */
  serving: serving.optional(),
});

export type VertexSettings = z.output<typeof schema>;
export type Machine = z.output<typeof machine>;
export type ServingSettings = z.output<typeof serving>;

export const vertexSettings = {
  /** @throws OrreryError SETTINGS_INVALID naming each member that does not fit */
  parse(value: unknown): VertexSettings {
    const parsed = schema.safeParse(value);
    const faults = parsed.success
      ? [...connectionFaults(parsed.data), ...wholeFaults(parsed.data)]
      : parsed.error.issues.map(
          ({ path, message }) => `${path.join('.') || '(whole)'}: ${message}`,
        );
    if (parsed.success && faults.length === 0) return parsed.data;
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot open the backend "vertex": ${faults.join('; ')}`,
      { details: { faults } },
    );
  },
};

function wholeFaults({ scheduling, machines, serving }: VertexSettings): readonly string[] {
  const { strategy } = scheduling;
  return [
    ...machines
      .filter(({ usdPerHour }) => usdPerHour[strategy] === undefined)
      .map(({ machineType }) => `machines: ${machineType} has no price for ${strategy}`),
    ...(serving !== undefined && serving.replicasMax < serving.replicasMin
      ? ['serving.replicasMax: wanted at least replicasMin']
      : []),
  ];
}
