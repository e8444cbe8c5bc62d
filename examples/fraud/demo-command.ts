import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT_ROOT } from '../../workers/home.ts';

const run = promisify(execFile);
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

/** Runs a program of the project as a person would, and returns what it printed. */
export async function programOutput(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run(program, [...args], {
    maxBuffer: OUTPUT_BYTES_MAX,
    cwd: PROJECT_ROOT,
  });
  return stdout.trimEnd();
}

/** Shows an `orrery` command together with its output. */
export async function shown(
  tell: (line: string) => void,
  args: readonly string[],
): Promise<string> {
  tell(`$ orrery ${args.map((arg) => (/[\s*]/.test(arg) ? `"${arg}"` : arg)).join(' ')}`);
  const output = await programOutput(join(PROJECT_ROOT, 'orrery'), args);
  for (const line of output.split('\n')) if (line !== '') tell(`    ${line}`);
  return output;
}
