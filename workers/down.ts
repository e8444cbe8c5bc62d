/** `make down`: ends the host agent and everything that is its own. Nothing running is fine. */
import { rmSync } from 'node:fs';
import { connectAgent } from '../backends/local/agent/client.ts';
import { OrreryError } from '../core/errors.ts';
import { homePaths, orreryHome } from './home.ts';
import { reportError } from './report.ts';

export async function down(tell: (line: string) => void): Promise<void> {
  const home = orreryHome();
  try {
    await connectAgent(home).shutdown();
    tell('everything has ended');
  } catch (error) {
    if (!(error instanceof OrreryError) || error.code !== 'HOST_AGENT_DOWN') throw error;
    tell('nothing was running');
  }
  rmSync(homePaths(home).up, { force: true });
}

if (import.meta.main) {
  down((line) => process.stdout.write(`${line}\n`)).catch(reportError);
}
