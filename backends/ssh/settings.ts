import { isAbsolute, posix } from 'node:path';
import { z } from 'zod';
import { OrreryError } from '../../core/errors.ts';

const file = z.string().refine(isAbsolute, 'wanted an absolute path on the worker');

const schema = z.strictObject({
  host: z.string().regex(/^[A-Za-z0-9:][A-Za-z0-9.:_-]*$/, 'wanted a host name or an address'),
  port: z.int().min(1).max(65_535).default(22),
  user: z.string().regex(/^[a-z_][a-z0-9_.-]*\$?$/, 'wanted a login name'),
  /** Private key, readable by the worker alone; no password is ever asked for. */
  identityFile: file,
  /** Keys of hosts that are trusted, in the format of `~/.ssh/known_hosts`; others are refused. */
  knownHostsFile: file,
  /** Folder on the host in which everything lies; it is made when it is missing. */
  root: z.string().refine(posix.isAbsolute, 'wanted an absolute path on the host'),
  /**
   * Folder of the worker for outputs: a content-addressed store, `sha256/<two digits>/<digest>`.
   * `<ORRERY_HOME>/artifacts` makes it that of the `local` backend.
   */
  store: file,
  /** US dollars for one hour of a job, whatever share of the host it asks for. */
  usdPerHour: z.number().min(0),
  /** Longest wait for the connection, seconds. */
  connectSeconds: z.number().min(1).max(120).default(10),
});

export type SshSettings = Readonly<z.output<typeof schema>>;

export const sshSettings = {
  /** @throws OrreryError SETTINGS_INVALID naming each member that does not fit */
  parse(value: unknown): SshSettings {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const faults = parsed.error.issues.map(
      ({ path, message }) => `${path.join('.') || '(whole)'}: ${message}`,
    );
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot open the backend "ssh": ${faults.join('; ')}`,
      { details: { faults } },
    );
  },
};
