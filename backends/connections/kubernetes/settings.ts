import { isAbsolute } from 'node:path';
import { z } from 'zod';

const absolutePath = z.string().refine(isAbsolute, 'wanted an absolute path');

/**
 * How a cluster is reached. Who we are there comes from the client's own chain: the kubeconfig file
 * (tokens, certificates, exec plugins, OIDC), or the service account of the pod.
 */
export const kubernetesSettings = z.strictObject({
  /**
   * Path of a kubeconfig file. Absent: `KUBECONFIG`, then `~/.kube/config`, then the service account
   * of the pod, in the order of the official client.
   */
  kubeconfig: absolutePath.optional(),
  /** Context of the kubeconfig; its current one when absent. */
  context: z.string().min(1).optional(),
  /** Where all of our objects lie: an RFC 1123 label. */
  namespace: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'wanted an RFC 1123 label'),
  /** PEM file of the authority of the API server, in place of the kubeconfig's. */
  caFile: absolutePath.optional(),
  /** `http://`, `https://` or `socks5://` proxy between us and the API server. */
  proxyUrl: z
    .string()
    .regex(/^(https?|socks5?):\/\/[^\s@]+$/, 'wanted a proxy address without credentials')
    .optional(),
  /** Limit of one call, milliseconds. Default 15,000. */
  timeoutMs: z.int().min(100).max(120_000).default(15_000),
});

export type KubernetesSettings = z.infer<typeof kubernetesSettings>;
