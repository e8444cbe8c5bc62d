import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { freshName } from '../../support/contract/harness.ts';
import { runScript } from '../../backends/airflow/call-script.ts';
import { clientOf } from '../../backends/airflow/double-client.ts';
import { AirflowDouble } from '../../backends/airflow/double.ts';
import { openAirflow, type OpenedAirflow } from './opened.ts';
import { witness } from './runs.ts';

const DAGS = {
  passes: 'contract-passes',
  fails: 'contract-fails',
  runsLong: 'contract-runs-long',
};

describe('The double of Airflow', () => {
  let opened: OpenedAirflow;
  beforeAll(async () => {
    opened = await openAirflow();
  });
  afterAll(() => opened.open.close());

  it('answers a script of calls as the real one does', async () => {
    const double = new AirflowDouble({
      [DAGS.passes]: { first: 'passes', second: 'passes' },
      [DAGS.fails]: { first: 'passes', second: 'fails', third: 'passes' },
      [DAGS.runsLong]: { first: 'never ends', second: 'passes' },
    });
    const prefix = freshName('script');
    const doubled = await runScript(
      clientOf(async (call) => double.send(call)),
      DAGS,
      prefix,
    );
    const real = await witness(opened.settings, (client) => runScript(client, DAGS, prefix));
    expect(doubled).toEqual(real);
    expect(real.length).toBeGreaterThan(30);
  });
});
