import { orreryHome } from '../home.ts';
import type { Finding } from './finding.ts';
import {
  checkEnvironment,
  checkHome,
  checkNode,
  checkProgram,
  checkPython,
  checkSystem,
} from './machine.ts';
import { checkApi, checkEngine, checkHostAgent } from './running.ts';

/**
 * Looks at everything that Orrery needs on this machine, and at what runs. Nothing is changed but
 * that ORRERY_HOME is made when it does not exist.
 */
export async function examine(
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly Finding[]> {
  const home = orreryHome(env);
  const groups = await Promise.all([
    checkSystem(),
    checkNode(),
    checkProgram('npm', 'npm', 'install npm'),
    checkProgram('make', 'make', 'install make'),
    checkPython(),
    checkHome(home),
    checkEnvironment(home),
    checkEngine(env),
    checkHostAgent(home),
    checkApi(env, home),
  ]);
  return groups.flat();
}
