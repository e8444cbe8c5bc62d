import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { airflowSettings, type AirflowSettings } from '../../../backends/airflow/settings.ts';
import type { AirflowState } from './server.ts';

/** Settings for an Airflow of the tests, as one of its users. */
export function settingsFor(
  airflow: AirflowState,
  more: Readonly<Record<string, unknown>> = {},
  username: 'orrery' | 'viewer' = 'orrery',
): AirflowSettings {
  const passwords = JSON.parse(readFileSync(airflow.passwordsFile, 'utf8')) as Record<
    string,
    string
  >;
  const path = join(airflow.home, `login-${username}.json`);
  writeFileSync(path, JSON.stringify({ username, password: passwords[username] }), { mode: 0o600 });
  return airflowSettings.parse({
    endpoint: airflow.url,
    credentials: { from: 'file', path },
    dagFolder: airflow.dagFolder,
    pollSeconds: 0.5,
    parseSeconds: 120,
    ...more,
  });
}
