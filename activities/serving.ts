import type { BackendChoice } from '../core/backend.ts';
import { backendFor } from '../core/backend.ts';
import type { DsseEnvelope } from '../core/evidence/dsse.ts';
import { endpointKey } from '../core/ids.ts';
import type { ModelVersion } from '../core/ports/models.ts';
import type { EndpointReading } from '../core/ports/serving.ts';
import type { Deps } from './deps.ts';
import { portOf } from './deps.ts';

export function createServingActivities(deps: Deps) {
  const serving = async (backends: BackendChoice) =>
    portOf(deps, backendFor(backends, 'serving'), 'serving');
  return {
    /** Deploys a registered version; its server verifies digest and signature itself. */
    async deployModel(input: {
      backends: BackendChoice;
      record: ModelVersion;
      region: string;
    }): Promise<EndpointReading> {
      const artifacts = await portOf(deps, backendFor(input.backends, 'artifacts'), 'artifacts');
      const { model, version, modelRef, envelopeRef } = input.record;
      const text = new TextDecoder().decode(await artifacts.read(envelopeRef));
      return (await serving(input.backends)).deploy({
        key: endpointKey({ model, version, region: input.region }),
        model,
        version,
        region: input.region,
        modelRef,
        envelope: JSON.parse(text) as DsseEnvelope,
      });
    },
    async undeployModel(input: { backends: BackendChoice; key: string }): Promise<void> {
      await (await serving(input.backends)).undeploy(input.key);
    },
  };
}
