import { describe, expect, it } from '@jest/globals';

import { backend } from '../../../backends/airflow/index.ts';
import { settingsFor } from './login.ts';
import { ensureAirflow } from './running.ts';

describe('check of the backend on Airflow', () => {
  it('finds everything well, says the version and changes nothing', async () => {
    const open = await backend.open(settingsFor(await ensureAirflow()));
    const findings = await open.check!();
    expect(findings.map(({ subject, state, action }) => [subject, state, action])).toEqual(
      ['endpoint', 'metadatabase', 'scheduler', 'dag processor', 'credentials', 'dagFolder'].map(
        (subject) => [subject, 'ok', ''],
      ),
    );
    expect(findings[0]?.told).toBe('Airflow 3.3.2');
    expect(findings[2]?.told).toMatch(/^healthy, last heard of at 20/);
    await open.close();
  });

  it('says what is missing where the login is wrong and the folder is not there', async () => {
    const credentials = { from: 'environment', username: 'NOBODY_SET_A', password: 'NOBODY_SET_B' };
    const settings = settingsFor(await ensureAirflow(), { credentials, dagFolder: '/no/such' });
    const open = await backend.open(settings);
    const missing = (await open.check!()).filter(({ state }) => state !== 'ok');
    expect(missing.map(({ subject }) => subject)).toEqual(['credentials', 'dagFolder']);
    expect(missing.every(({ told, action }) => told !== '' && action !== '')).toBe(true);
    await open.close();
  });
});
