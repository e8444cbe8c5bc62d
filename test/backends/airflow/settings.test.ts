import { describe, expect, it } from '@jest/globals';

import { airflowSettings } from '../../../backends/airflow/settings.ts';
import type { OrreryError } from '../../../core/errors.ts';

const MINIMAL = { endpoint: 'https://airflow.example/', credentials: { from: 'environment' } };

const faultsOf = (settings: unknown): string => {
  try {
    airflowSettings.parse(settings);
  } catch (error) {
    expect((error as OrreryError).code).toBe('SETTINGS_INVALID');
    return (error as OrreryError).message;
  }
  throw new Error('the settings were taken');
};

describe('airflowSettings', () => {
  it('fill in every default', () => {
    expect(airflowSettings.parse(MINIMAL)).toEqual({
      endpoint: 'https://airflow.example',
      credentials: {
        from: 'environment',
        username: 'ORRERY_AIRFLOW_USERNAME',
        password: 'ORRERY_AIRFLOW_PASSWORD',
      },
      caFile: null,
      proxy: null,
      dagFolder: null,
      pausedDags: 'refuse',
      parseSeconds: 420,
      pollSeconds: 2,
      requestSeconds: 30,
    });
  });

  it.each([
    [{ ...MINIMAL, endpoint: 'ftp://airflow.example' }, 'endpoint'],
    [{ ...MINIMAL, endpoint: 'https://me:secret@airflow.example' }, 'endpoint'],
    [{ ...MINIMAL, credentials: { from: 'environment', password: 'not a name' } }, 'credentials'],
    [{ ...MINIMAL, credentials: { from: 'file', path: 'relative' } }, 'credentials.path'],
    [{ ...MINIMAL, dagFolder: 'dags' }, 'dagFolder'],
    [{ ...MINIMAL, pollSeconds: 0 }, 'pollSeconds'],
    [{ ...MINIMAL, password: 'hunter2' }, 'password'],
    [{}, 'endpoint'],
  ])('%j name the member that does not fit', (settings, member) => {
    expect(faultsOf(settings)).toContain(member);
  });

  it('repeat no value of theirs in a message', () => {
    const endpoint = 'https://me:hunter2@airflow.example';
    expect(faultsOf({ ...MINIMAL, endpoint })).not.toContain('hunter2');
  });
});
