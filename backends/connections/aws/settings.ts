import { isAbsolute } from 'node:path';
import { z } from 'zod';

/**
 * Region names by partition, as in the SDK's own partition table (`regionRegex` of
 * @aws-sdk/core): commercial, China, GovCloud, the isolated ones, the European sovereign cloud.
 */
const REGION_PATTERN =
  /^((us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+|cn-\w+-\d+|us-gov-\w+-\d+|us-iso[bf]?-\w+-\d+|eu-isoe-\w+-\d+|eusc-de-\w+-\d+)$/;

const ATTEMPTS_MAX_DEFAULT = 3;
const TIMEOUT_MS_DEFAULT = 30_000;
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** Unencrypted calls carry signatures that a listener could replay, so they stay on this machine. */
const endpointUrl = z.url({ protocol: /^https?$/ }).refine((value) => {
  const { protocol, hostname } = new URL(value);
  return protocol === 'https:' || LOOPBACK.has(hostname);
}, 'wanted https, or http on loopback');

/**
 * How AWS is reached. Credentials are never settings: they come from the SDK's own chain
 * (environment, shared files, SSO, web identity, container and instance roles).
 */
export const awsConnection = z.strictObject({
  region: z.string().regex(REGION_PATTERN, 'wanted a region such as eu-west-1'),
  /** Profile of the shared configuration files; the chain's own choice when absent. */
  profile: z.string().min(1).optional(),
  /** Base addresses in place of the public ones, such as interface endpoints of a VPC. */
  endpoints: z
    .strictObject({ sagemaker: endpointUrl.optional(), s3: endpointUrl.optional() })
    .default({}),
  /** PEM file of the authorities to trust in place of the system's. */
  caFile: z.string().refine(isAbsolute, 'wanted an absolute path').optional(),
  /** `http://host:port` of a proxy for every call that is not to loopback. */
  proxy: z.url({ protocol: /^https?$/ }).optional(),
  /** Tries of one call inside the SDK, 1–10, default 3. */
  attemptsMax: z.int().min(1).max(10).default(ATTEMPTS_MAX_DEFAULT),
  /** Longest wait for a reply, milliseconds, default 30,000. */
  timeoutMs: z.int().min(50).max(600_000).default(TIMEOUT_MS_DEFAULT),
});

export type AwsConnection = z.infer<typeof awsConnection>;
