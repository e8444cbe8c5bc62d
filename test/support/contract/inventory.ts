import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { RemoteWork } from '../../../core/ports/inventory.ts';
import {
  contractIntent,
  freshName,
  pipelineIntent,
  portOf,
  type Harness,
  type OpenHarness,
} from './harness.ts';

/** The promises of core/ports/inventory.ts, on whichever of compute and pipeline the backend has. */
export function describeInventoryContract(name: string, open: OpenHarness): void {
  describe(`inventory of ${name}`, () => {
    let harness: Harness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    const listed = async (key: string): Promise<RemoteWork | undefined> =>
      (await portOf(harness, 'inventory').list()).find((work) => work.key === key);

    it('list tells live work by its labels, and no more once it was stopped', async () => {
      const { job, pipeline, ports } = harness;
      expect(job ?? pipeline).toBeDefined();
      if (job !== undefined && ports.compute !== undefined) {
        const intent = contractIntent(job.runsLong, freshName('seen'));
        const { handle } = await ports.compute.start(intent);
        expect(await listed(intent.key)).toMatchObject({
          port: 'compute',
          ...handle,
          labels: intent.spec.labels,
        });
        await ports.compute.stop(handle);
        expect(['pending', 'running']).not.toContain((await listed(intent.key))?.phase);
      }
      if (pipeline !== undefined && ports.pipeline !== undefined) {
        const intent = pipelineIntent(pipeline.runsLong, freshName('seen'));
        const { handle } = await ports.pipeline.start(intent);
        expect(await listed(intent.key)).toMatchObject({
          port: 'pipeline',
          ...handle,
          labels: intent.spec.labels,
        });
        await ports.pipeline.stop(handle);
        expect(['pending', 'running']).not.toContain((await listed(intent.key))?.phase);
      }
    });
  });
}
