import { isAbsolute } from 'node:path';
import { z } from 'zod';

/** Google Cloud's project ids (https://cloud.google.com/resource-manager/docs/creating-managing-projects). */
const PROJECT_PATTERN = /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/;
/** Names of regions, such as `europe-west4` or `northamerica-northeast2`. */
const LOCATION_PATTERN = /^[a-z]+-[a-z]+\d{1,2}$/;
const HOST_PATTERN = /^[a-z0-9.-]+(:\d{1,5})?$/;
const LOOPBACK_PATTERN = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost)(:\d{1,5})?$/;

/** How a Google Cloud API is reached. Spread into the schema of a backend. */
export const googleConnectionShape = {
  project: z.string().regex(PROJECT_PATTERN, 'wanted a project id, such as my-project-123'),
  location: z.string().regex(LOCATION_PATTERN, 'wanted a region, such as europe-west4'),
  /** `host` or `host:port` in place of `<location>-aiplatform.googleapis.com`. */
  apiEndpoint: z.string().regex(HOST_PATTERN, 'wanted host or host:port').optional(),
  /** Plain text and no credentials; for a counterpart on loopback alone. */
  insecure: z.boolean().default(false),
  /** PEM of further certificate authorities, for a network that inspects TLS. */
  caFile: z.string().refine(isAbsolute, 'wanted an absolute path').optional(),
  /** HTTP proxy that tunnels with CONNECT. Its credentials, if any, come from the environment. */
  proxy: z
    .string()
    .regex(/^http:\/\/[^/@]+:\d{1,5}$/, 'wanted http://host:port without credentials')
    .optional(),
  /** Longest wait for the answer to one call, seconds. */
  callTimeoutSeconds: z.number().min(0.01).max(600).default(30),
};

const connectionSchema = z.strictObject(googleConnectionShape);
export type GoogleConnection = z.output<typeof connectionSchema>;

/** What fits each member and not the whole: plain text leaves this machine for nobody. */
export function connectionFaults({ insecure, apiEndpoint }: GoogleConnection): readonly string[] {
  if (!insecure || LOOPBACK_PATTERN.test(apiEndpoint ?? '')) return [];
  return ['insecure: wanted only with an apiEndpoint on loopback'];
}

/** `host` and `port` of the API. */
export function endpointOf({ apiEndpoint, location }: GoogleConnection): {
  readonly host: string;
  readonly port: number;
} {
  const [host = '', port] = (apiEndpoint ?? `${location}-aiplatform.googleapis.com`).split(':');
  return { host, port: Number(port ?? 443) };
}

/** `projects/<project>/locations/<location>`, the parent of every regional resource. */
export function parentOf({ project, location }: GoogleConnection): string {
  return `projects/${project}/locations/${location}`;
}
