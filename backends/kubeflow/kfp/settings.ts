import { z } from 'zod';

/** Where Kubeflow Pipelines is, and how patient we are with it. No secrets: tokens come from a file. */
export const kfpSettings = z.strictObject({
  /** Origin of the API server, with a path prefix if there is one (`https://kubeflow.example/pipeline`). */
  url: z.url({ protocol: /^https?$/ }),
  /** Profile namespace of a multi-user installation; empty for a single-user one, which refuses any. */
  namespace: z.string().max(63).default(''),
  /** Experiment in which the runs are shown; made when missing. 1–128 characters. */
  experiment: z.string().min(1).max(128).default('orrery'),
  /** Service account of the pods; empty for the far side's default. */
  serviceAccount: z.string().default(''),
  /** File with a bearer token, read anew for every call, so that a projected token may rotate. */
  tokenFile: z.string().min(1).optional(),
  /** PEM file with the authority of the server's certificate; the system's authorities when absent. */
  caFile: z.string().min(1).optional(),
  /** Forward proxy for all calls. */
  proxy: z.url({ protocol: /^https?$/ }).optional(),
  /** Limit of one call, seconds; shorter than the activities that make it have. */
  requestSecondsMax: z.number().min(0.05).max(300).default(8),
  /**
   * How long the far side may work on a create whose reply was lost, seconds. A create is repeated
   * only after one and a half times as long without a trace of the first one.
   */
  settleSeconds: z.number().min(0.05).max(600).default(20),
  /** Pause between two readings while somebody waits, milliseconds. */
  pollMs: z.number().int().min(10).max(60_000).default(2000),
});
export type KfpSettings = z.infer<typeof kfpSettings>;
