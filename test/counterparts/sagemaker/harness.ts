import { backend } from '../../../backends/sagemaker/index.ts';
import type { Harnesses } from '../../support/contract/all.ts';
import { freshName, openPorts, type Harness } from '../../support/contract/harness.ts';
import { BUCKET, openTestLayer, putText, settingsFor } from './far-side.ts';

export const harnesses: Harnesses = { 'SageMaker on moto': { open: openSagemaker } };

/** The backend on moto, with the layer before it. */
async function openSagemaker(): Promise<Harness> {
  const layer = await openTestLayer();
  const opened = openPorts(await backend.open(settingsFor(layer.url)));
  const table = 'id,label\n1,0\n';
  const uri = await putText(layer.url, `elsewhere/${freshName('table')}.csv`, table);
  const job = (life: object) => ({
    command: ['program', `life=${JSON.stringify(life)}`],
    version: 'v1',
    outputs: ['model.onnx'],
  });
  return {
    ...opened,
    job: {
      succeeds: job({}),
      fails: job({ exitCode: 3 }),
      runsLong: job({ trainingSeconds: 1e6 }),
    },
    importable: {
      uri,
      bytes: new TextEncoder().encode(table),
      missingUri: `s3://${BUCKET}/elsewhere/nothing.csv`,
    },
    close: async () => {
      await opened.close();
      await layer.close();
    },
  };
}
