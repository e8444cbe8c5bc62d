import type { Handlers } from './wire.ts';
import type { VertexWorld } from './world.ts';

/** google.longrunning.Operations: operations are known by name to every client. */
export function operationsService(world: VertexWorld): Handlers {
  return {
    GetOperation: ({ name }) => world.readOperation(String(name)),
    ListOperations: ({ name, filter }) => ({
      operations: world
        .operationsOf(String(name))
        .filter(({ done }) => filter !== 'done=false' || done !== true),
    }),
    CancelOperation: () => ({}),
  };
}
