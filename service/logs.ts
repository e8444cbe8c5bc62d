import { open, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { OrreryError } from '../core/errors.ts';

/** Bytes of a log's end that are looked at for its last lines. */
const TAIL_BYTES_MAX = 1024 * 1024;
const LOGS_MAX = 1000;

export interface LogFile {
  /** Below the folder of logs, without `.log`. */
  readonly name: string;
  readonly bytes: number;
  /** ISO 8601 */
  readonly changedAt: string;
}

/** The logs below `<home>/logs`, by name; none when the folder does not exist. */
export async function listLogs(home: string): Promise<readonly LogFile[]> {
  const folder = join(home, 'logs');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries
    .filter((entry) => entry.isFile())
    .slice(0, LOGS_MAX)
    .map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      const { size, mtime } = await stat(path);
      const name = relative(folder, path).replace(/\.log$/, '');
      return { name, bytes: size, changedAt: mtime.toISOString() };
    });
  return (await Promise.all(files)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * The last lines of a log. Only listed names are taken, so no name reaches outside the folder.
 *
 * @throws OrreryError NOT_FOUND
 */
export async function tailLog(home: string, name: string, lines: number): Promise<string[]> {
  const logs = await listLogs(home);
  const wanted = name.replace(/\.log$/, '');
  if (!logs.some((log) => log.name === wanted)) {
    throw new OrreryError(
      'NOT_FOUND',
      `Cannot print the log "${name}": there is none, wanted one of ${logs.map((log) => log.name).join(', ') || '(no logs)'}`,
    );
  }
  const path = join(home, 'logs', wanted);
  const file = await open(`${path}.log`).catch(() => open(path));
  try {
    const { size } = await file.stat();
    const bytes = Math.min(size, TAIL_BYTES_MAX);
    const { buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, size - bytes);
    return buffer.toString('utf8').replace(/\n$/, '').split('\n').slice(-lines);
  } finally {
    await file.close();
  }
}
