import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { OrreryError } from '../../core/errors.ts';

const argvPrefix = z.array(z.string().min(1)).min(1);
const port = z.int().min(0).max(65_535);

const schema = z.strictObject({
  /** ORRERY_HOME: everything that this backend keeps lies under it. */
  home: z.string().refine(isAbsolute, 'wanted an absolute path'),
  /** First word of a job's command, when it has no slash → what stands in its place. */
  programs: z.record(z.string().min(1), argvPrefix),
  /** What starts the scoring server. */
  scorer: argvPrefix,
  /** Path of the Envoy program. */
  envoy: z.string().min(1),
  /** US dollars for one hour of a job on this machine, whatever share of it the job asks for. */
  usdPerHour: z.number().min(0),
  /** Where the proxy listens for callers; 0 chooses a free port once and remembers it. */
  proxyPort: port,
  /** Where the proxy's administration listens; 0 as above. */
  adminPort: port,
});

export interface LocalSettings {
  readonly home: string;
  readonly programs: Readonly<Record<string, readonly string[]>>;
  readonly scorer: readonly string[];
  readonly envoy: string;
  readonly usdPerHour: number;
  readonly proxyPort: number;
  readonly adminPort: number;
}

export const localSettings = {
  /** @throws OrreryError SETTINGS_INVALID naming each member that does not fit */
  parse(value: unknown): LocalSettings {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const faults = parsed.error.issues.map(
      ({ path, message }) => `${path.join('.') || '(whole)'}: ${message}`,
    );
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot open the backend "local": ${faults.join('; ')}`,
      { details: { faults } },
    );
  },
};
