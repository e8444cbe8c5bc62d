import { join } from 'node:path';

import { sshSettings } from '../../../backends/ssh/settings.ts';
import type { SshSettings } from '../../../backends/ssh/settings.ts';
import { ensureSsh } from './running.ts';

/** Settings for the shared server, with a root and a store in a folder of their own. */
export async function sshSettingsIn(folder: string): Promise<SshSettings> {
  const { port, user, identityFile, knownHostsFile } = await ensureSsh();
  return sshSettings.parse({
    host: '127.0.0.1',
    port,
    user,
    identityFile,
    knownHostsFile,
    root: join(folder, 'host'),
    store: join(folder, 'store'),
    usdPerHour: 0.25,
  });
}
