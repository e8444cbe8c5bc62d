import { KfpApi } from '../../../backends/kubeflow/kfp/api.ts';
import { kfpSettings } from '../../../backends/kubeflow/kfp/settings.ts';
import type { Harness } from '../../support/contract/harness.ts';
import { ensureKfpClient } from './install.ts';
import { samplePipeline, uploadSample } from './sample.ts';
import { readContract } from './server/contract.ts';
import { serveKfp, type KfpServer } from './server/serve.ts';

/** Nobody has to wait long for what happens within milliseconds. */
export const QUICK = { pollMs: 20, settleSeconds: 2, requestSecondsMax: 5 } as const;
export const SAMPLE = 'contract-sample';

/** A world that the contract looks at, with the sample pipeline in it. */
export async function startKfp(): Promise<KfpServer> {
  const server = await serveKfp({ contract: readContract(ensureKfpClient().contract) });
  await uploadSample(server, SAMPLE);
  return server;
}

export async function openKfp(url: string, settings: object = {}): Promise<KfpApi> {
  return KfpApi.open(kfpSettings.parse({ ...QUICK, url, ...settings }));
}

/** The ports of Kubeflow Pipelines and what their contracts need to know. */
export function kfpFacts(): Pick<Harness, 'pipeline' | 'definition'> {
  const run = (course: string) => ({ pipeline: SAMPLE, params: { course } });
  return {
    pipeline: {
      succeeds: run('succeeds'),
      fails: run('fails'),
      runsLong: run('runs-long'),
      retries: true,
      unknownRemoteId: () => '3f1d0000-0000-4000-8000-000000000000',
    },
    definition: (variant) => ({ kind: 'source', text: samplePipeline('defined', variant) }),
  };
}
