/**
 * `node test/counterparts/run.ts <command…>` brings every counterpart up, runs the command, takes
 * down what it brought up, and exits as the command did. A counterpart is a folder with
 * `running.ts`, which knows `up` (install and start unless it runs) and `down`.
 *
 * `ORRERY_COUNTERPARTS=airflow,ssh` names the ones to bring up; default: all.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

async function main(command: readonly string[]): Promise<number> {
  const up: string[] = [];
  try {
    for (const name of chosen()) {
      const startedAt = Date.now();
      process.stdout.write(`counterpart ${name}: comes up\n`);
      // Taken down even if it came up half.
      up.push(name);
      const code = await run([process.execPath, programOf(name), 'up']);
      if (code !== 0) throw new Error(`Cannot bring up ${name}: running.ts up exited with ${code}`);
      const seconds = Math.round((Date.now() - startedAt) / 1000);
      process.stdout.write(`counterpart ${name}: is up after ${seconds} s\n`);
    }
    return await run(command);
  } finally {
    for (const name of up.reverse()) await run([process.execPath, programOf(name), 'down']);
  }
}

function chosen(): readonly string[] {
  const all = readdirSync(import.meta.dirname).filter((name) => existsSync(programOf(name)));
  const wanted = process.env['ORRERY_COUNTERPARTS']?.split(',');
  const strange = wanted?.find((name) => !all.includes(name));
  if (strange !== undefined)
    throw new Error(`No counterpart "${strange}": choose ${all.join(', ')}`);
  return wanted ?? all;
}

function programOf(name: string): string {
  return join(import.meta.dirname, name, 'running.ts');
}

/** Exit code; a signal counts as 1. Ctrl-C reaches the child by itself, and then all comes down. */
async function run([program, ...words]: readonly string[]): Promise<number> {
  const child = spawn(program!, words, { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

process.on('SIGINT', () => undefined);
process.exitCode = await main(process.argv.slice(2));
