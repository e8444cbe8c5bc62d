/** `node workers/health.ts <queue>`: exits 0 while the worker of the queue is alive, for health checks. */
import { readFileSync } from 'node:fs';
import { orreryHome, workerHealthFile } from './home.ts';

/** The worker tells every 5 s. */
const AGE_MS_MAX = 30_000;

const [queue = ''] = process.argv.slice(2);
try {
  const { at } = JSON.parse(readFileSync(workerHealthFile(orreryHome(), queue), 'utf8')) as {
    at: string;
  };
  process.exitCode = Date.now() - Date.parse(at) <= AGE_MS_MAX ? 0 : 1;
} catch {
  process.exitCode = 1;
}
