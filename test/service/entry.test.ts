import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const ENTRY = join(import.meta.dirname, '..', '..', 'orrery');
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orrery-entry-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Ending {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
async function run(path: string, ...args: string[]): Promise<Ending> {
  try {
    return { code: 0, ...(await promisify(execFile)(path, args)) };
  } catch (error) {
    return error as unknown as Ending;
  }
}

describe('orrery, the shell entry', () => {
  it('finds its folder through links', async () => {
    const link = join(folder, 'link');
    await symlink(ENTRY, link);
    await symlink('link', join(folder, 'orrery'));
    const { code, stdout } = await run(join(folder, 'orrery'), '--help');
    expect(code).toBe(0);
    expect(stdout).toContain('Usage: orrery');
  });

  it('says what to do where nothing is installed', async () => {
    const entry = join(folder, 'orrery');
    await copyFile(ENTRY, entry);
    const { code, stderr } = await run(entry, 'lifecycle', 'list');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error TOOL_MISSING: .*\nnext: run make setup/);
    const doctor = await run(entry, 'doctor');
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toContain('missing  dependencies: run make setup');
  });
});
