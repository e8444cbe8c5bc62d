import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { OrreryError } from '../../core/errors.ts';

const absolute = z.string().refine(isAbsolute, 'wanted an absolute path');
const seconds = (fallback: number, max: number) => z.number().gt(0).max(max).default(fallback);
/** A password in an address would be in every log. */
const address = z
  .url({ protocol: /^https?$/ })
  .refine((text) => new URL(text).username === '', 'wanted an address without user and password')
  .transform((text) => text.replace(/\/+$/, ''));

const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'wanted the name of a variable');

const schema = z.strictObject({
  /** Where the API server answers, such as `https://airflow.example`; a path prefix is kept. */
  endpoint: address,
  /**
   * Where user name and password are found, never what they are. `file` holds the JSON object
   * `{"username": …, "password": …}` and is read again for each login, so that it can be renewed.
   */
  credentials: z.discriminatedUnion('from', [
    z.strictObject({
      from: z.literal('environment'),
      username: variable.default('ORRERY_AIRFLOW_USERNAME'),
      password: variable.default('ORRERY_AIRFLOW_PASSWORD'),
    }),
    z.strictObject({ from: z.literal('file'), path: absolute }),
  ]),
  /** PEM of the authority that signed the endpoint's certificate; null for the system's. */
  caFile: absolute.nullable().default(null),
  /** Proxy for every call; null for none. */
  proxy: address.nullable().default(null),
  /** Where generated DAG files go: a folder of Airflow's DAG bundle; null offers no definitions. */
  dagFolder: absolute.nullable().default(null),
  /** What a start does with a DAG that is paused there. */
  pausedDags: z.enum(['refuse', 'unpause']).default('refuse'),
  /** Longest wait for the DAG processor: its refresh interval is 300 s by default. */
  parseSeconds: seconds(420, 3600),
  /** How often a run is read while somebody waits for news of it. */
  pollSeconds: seconds(2, 60),
  /** Limit of one call. */
  requestSeconds: seconds(30, 300),
});

/** The settings with every default filled in. */
export type AirflowSettings = z.output<typeof schema>;

export const airflowSettings = {
  /** @throws OrreryError SETTINGS_INVALID naming each member that does not fit */
  parse(value: unknown): AirflowSettings {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const faults = parsed.error.issues.map(
      ({ path, message }) => `${path.join('.') || '(whole)'}: ${message}`,
    );
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot open the backend "airflow": ${faults.join('; ')}`,
      { details: { faults } },
    );
  },
};
