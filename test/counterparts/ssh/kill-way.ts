import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { WorkLabels } from '../../../core/labels.ts';
import type { FarWork, OpenSoak } from '../../support/soak-runs.ts';
import { sshSettingsIn } from './settings.ts';

const TABLE = 'id,label\n1,0\n';
/** Leaves whatever a step of a training may want of it. */
const SCRIPT =
  'sleep 2; for name in train.csv heldout.csv model.onnx; do echo x > "$ORRERY_OUTPUT_DIR/$name"; done';

/** Workers that are killed while their jobs run on the host; the folders of the host are the witness. */
export const openSshSoak: OpenSoak = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'orrery-ssh-soak-'));
  const settings = await sshSettingsIn(folder);
  const table = join(folder, 'data.csv');
  writeFileSync(table, TABLE);
  const sha256 = createHash('sha256').update(TABLE).digest('hex');
  const data = { uri: pathToFileURL(table).href, sha256, bytes: TABLE.length };
  const job = { command: ['/bin/sh', '-c', SCRIPT], version: 'v1', outputs: [] };
  return {
    backend: 'ssh',
    settings,
    work: { port: 'compute', job, data },
    ledger: async () => jobsIn(join(settings.root, 'jobs')),
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
};

/** A job lives while anything that came of it holds its lock. */
function jobsIn(jobs: string): readonly FarWork[] {
  if (!existsSync(jobs)) return [];
  return readdirSync(jobs).map((key) => {
    const text = Buffer.from(readFileSync(join(jobs, key, 'labels'), 'utf8'), 'base64').toString();
    const { workflowId } = JSON.parse(text) as WorkLabels;
    const probe = spawnSync('flock', ['-s', '-n', join(jobs, key, 'lock'), 'true']);
    return { key, workflowId, live: probe.status !== 0 };
  });
}
