/**
 * Vertex AI and Cloud Storage on loopback: Google's client speaks Google's messages over gRPC to
 * `world.ts`, whose header says where its states differ from the real service.
 */
import { endpointService } from './endpoint-service.ts';
import { jobService } from './job-service.ts';
import type { DoublePace } from './life.ts';
import { modelService } from './model-service.ts';
import { operationsService } from './operations-service.ts';
import { pipelineService } from './pipeline-service.ts';
import { OPERATIONS, V1 } from './protos.ts';
import { startStorage } from './storage.ts';
import type { StorageDouble } from './storage.ts';
import { startWire } from './wire.ts';
import type { Wire } from './wire.ts';
import { VertexWorld } from './world.ts';
import type { DoubleScript } from './world.ts';

export interface VertexDouble {
  readonly wire: Wire;
  readonly world: VertexWorld;
  readonly storage: StorageDouble;
  close(): Promise<void>;
}

export const PACE: DoublePace = { pendingMs: 10, runMs: 20, cancelMs: 10, operationMs: 20 };

export async function startVertex(script: Partial<DoubleScript> = {}): Promise<VertexDouble> {
  const world = new VertexWorld({
    courses: {},
    pace: PACE,
    listLag: 0,
    templates: {},
    stockOut: null,
    ...script,
  });
  const storage = await startStorage(world.objects);
  const wire = await startWire([
    { name: `${V1}.JobService`, handlers: jobService(world) },
    { name: `${V1}.PipelineService`, handlers: pipelineService(world) },
    { name: `${V1}.EndpointService`, handlers: endpointService(world) },
    { name: `${V1}.ModelService`, handlers: modelService(world) },
    { name: OPERATIONS, handlers: operationsService(world) },
  ]);
  return {
    wire,
    world,
    storage,
    close: async () => {
      await wire.close();
      await storage.close();
    },
  };
}
