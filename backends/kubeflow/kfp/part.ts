import { KfpDefinitions } from '../definitions.ts';
import type { Part } from '../part.ts';
import { KfpPipeline } from '../pipeline.ts';
import { KfpApi } from './api.ts';
import { checkKfp } from './check.ts';
import { listKfpRuns } from './inventory.ts';
import type { KfpSettings } from './settings.ts';

/** Ports `pipeline` and `definitions` on Kubeflow Pipelines. */
export async function openKfp(settings: KfpSettings): Promise<Part> {
  const api = await KfpApi.open(settings);
  return {
    ports: { pipeline: new KfpPipeline(api), definitions: new KfpDefinitions(api) },
    list: () => listKfpRuns(api),
    check: () => checkKfp(api),
    close: () => api.close(),
  };
}
