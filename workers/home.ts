import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout or image that this file is part of. */
export const PROJECT_ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Everything that this installation keeps on disk lies here; default `.orrery` in the project. */
export function orreryHome(): string {
  return process.env['ORRERY_HOME'] ?? join(PROJECT_ROOT, '.orrery');
}

/** The files of a home that more than one process reads. */
export function homePaths(home: string) {
  return {
    /** Backend settings of the workers; ORRERY_SETTINGS names another file. */
    settings: process.env['ORRERY_SETTINGS'] ?? join(home, 'settings.json'),
    /** Addresses of what `up` started, for clients. */
    up: join(home, 'run', 'up.json'),
    run: join(home, 'run'),
    logs: join(home, 'logs'),
    cache: join(home, 'cache'),
    venv: join(home, 'venv'),
    database: join(home, 'temporal', 'temporal.db'),
  };
}

export function workerHealthFile(home: string, queue: string): string {
  return join(home, 'run', `worker-${queue}.json`);
}
