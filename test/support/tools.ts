import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Programs that tests run for real, from a virtual environment that `orrery doctor` describes. */
export function envoyProgram(): string {
  return find('ORRERY_TEST_ENVOY', 'envoy');
}

export function pythonProgram(): string {
  return find('ORRERY_TEST_PYTHON', 'python');
}

/** The dev server, with everything a real one does. */
export function temporalProgram(): string {
  return find('ORRERY_TEST_TEMPORAL', 'temporal');
}

/** The server that skips time while workflows wait. */
export function timeSkippingProgram(): string {
  return find('ORRERY_TEST_SERVER', 'temporal-test-server');
}

function find(variable: string, name: string): string {
  const home = process.env['ORRERY_HOME'];
  const candidates = [
    process.env[variable],
    ...(home === undefined ? [] : [join(home, 'venv', 'bin', name)]),
  ].filter((candidate) => candidate !== undefined);
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found === undefined) {
    throw new Error(
      `Cannot find ${name}: none of [${candidates.join(', ')}] exists, set ${variable} or ORRERY_HOME`,
    );
  }
  return found;
}
