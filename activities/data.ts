import type { DataContract, DataReport } from '../core/data/contract.ts';
import type { ArtifactRef } from '../core/ports/artifacts.ts';
import type { Deps } from './deps.ts';
import { portOf } from './deps.ts';

export function createDataActivities(deps: Deps) {
  return {
    /** Copies the raw data into the store, so that what is checked is what is trained on. */
    async importData({ backend, uri }: { backend: string; uri: string }): Promise<ArtifactRef> {
      return (await portOf(deps, backend, 'artifacts')).import(uri);
    },
    /** Holds the data to its contract; violations are told, not thrown. */
    async checkData(input: {
      backend: string;
      data: ArtifactRef;
      contract: DataContract;
    }): Promise<DataReport> {
      const bytes = await (await portOf(deps, input.backend, 'artifacts')).read(input.data);
      return deps.kernels.run('checkCsv', bytes, input.contract);
    },
  };
}
