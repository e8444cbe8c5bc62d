import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { backend } from '../../../backends/ssh/index.ts';
import type { Harnesses } from '../../support/contract/all.ts';
import { openPorts, type ContractJob, type Harness } from '../../support/contract/harness.ts';
import type { OpenSoak } from '../../support/soak-runs.ts';
import { openSshSoak } from './kill-way.ts';
import { sshSettingsIn } from './settings.ts';

export const harnesses: Harnesses = { ssh: { open: openSsh } };
export const soaks: Readonly<Record<string, OpenSoak>> = { ssh: openSshSoak };

async function openSsh(): Promise<Harness> {
  const folder = await mkdtemp(join(tmpdir(), 'orrery-ssh-'));
  const opened = openPorts(await backend.open(await sshSettingsIn(folder)));
  return {
    ...opened,
    job: {
      succeeds: job('echo weights > "$ORRERY_OUTPUT_DIR/model.onnx"'),
      fails: job('exit 3'),
      runsLong: job('sleep 300'),
    },
    close: async () => {
      await opened.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function job(script: string): ContractJob {
  return { command: ['/bin/sh', '-c', script], version: 'v1', outputs: ['model.onnx'] };
}
