import { isAbsolute } from 'node:path';
import { z } from 'zod';

const label = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'wanted an RFC 1123 label');
const hostname = z
  .string()
  .max(200)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, 'wanted a DNS name');
const prefix = z.string().regex(/^[a-z][a-z0-9+.-]*:\/\//, 'wanted the beginning of a URI');

/** How KServe shares traffic between versions; docs/backends/kserve.md says what each one means. */
const SPLITS = ['auto', 'http-route', 'canaries', 'revisions'] as const;

/**
 * What `serving` and `traffic` on KServe need beside the cluster. No secrets: KServe pulls the model
 * with the credentials of the service account, and what we read ourselves is a file or a presigned URL.
 */
export const kserveSettings = z.strictObject({
  /**
   * `http-route`: one InferenceService a version, weighed by an HTTPRoute of ours. `canaries`:
   * `spec.canary[]` of KServe 0.20.1 and later, Standard mode. `revisions`: `canaryTrafficPercent`,
   * Knative mode. `auto` (default): `canaries` where the served CRD has them, else `http-route`;
   * Knative is never guessed, because Standard mode ignores its field in silence.
   */
  split: z.enum(SPLITS).default('auto'),
  /** PEM files of the public keys (ECDSA P-256) whose signature lets a model be served; at least one. */
  trustedKeys: z.array(z.string().refine(isAbsolute, 'wanted an absolute path')).min(1).max(16),
  /**
   * Where the files of an artifact store are, by the beginning of their URI; the longest one counts.
   * The rest of the URI is appended to `readFrom` (for our check: `file://`, `http://` or `https://`)
   * and to `pullFrom` (the `storageUri` for KServe). Absent members: the URI as it is.
   */
  stores: z
    .array(
      z.strictObject({
        uri: prefix,
        readFrom: z
          .string()
          .regex(/^(file|https?):\/\//, 'wanted file://, http:// or https://')
          .optional(),
        pullFrom: prefix.optional(),
      }),
    )
    .max(16)
    .default([]),
  /** Largest model file that is read for its check, bytes. Default 2 GiB. */
  modelBytesMax: z
    .int()
    .min(1)
    .max(2 ** 36)
    .default(2 ** 31),
  /** `spec.predictor.model.modelFormat`. Default onnx 1. */
  modelFormat: z
    .strictObject({ name: z.string().min(1), version: z.string().min(1).optional() })
    .default({ name: 'onnx', version: '1' }),
  /** Name of the (Cluster)ServingRuntime; chosen by KServe from the format when absent. */
  runtime: z.string().min(1).optional(),
  /** Service account of the pods: its secrets are what KServe pulls the model with. */
  serviceAccount: label.optional(),
  /** Fixed number of servers of each version. Default 1. */
  replicas: z.int().min(1).max(100).default(1),
  /** Requests and limits of one server, in Kubernetes quantities such as `1` and `2Gi`. */
  resources: z.record(z.string(), z.string()).optional(),
  /** Longest wait for servers to be ready, seconds. Default 600. */
  readySecondsMax: z.int().min(1).max(3600).default(600),
  /** Longest wait for a gateway to take a split, seconds. Default 30. */
  routeSecondsMax: z.int().min(1).max(600).default(30),
  /** The Gateway that our HTTPRoutes attach to; needed for `http-route`. */
  gateway: z
    .strictObject({
      namespace: label,
      name: label,
      /** Listener; the Gateway's first HTTP(S) one when absent. */
      listener: label.optional(),
      /** A route `fraud.eu-west` is served as `fraud.eu-west.<domain>`. */
      domain: hostname,
    })
    .optional(),
  /** Where KServe's controller runs, to read its version from its image or label. */
  controller: z
    .strictObject({
      namespace: label.default('kserve'),
      deployment: label.default('kserve-controller-manager'),
      /** Its version, such as `0.20.1`, where we may not read that Deployment. */
      version: z
        .string()
        .regex(/^v?\d+\.\d+\.\d+/)
        .optional(),
    })
    .prefault({}),
});

export type KserveSettings = z.infer<typeof kserveSettings>;
export type Split = Exclude<KserveSettings['split'], 'auto'>;
