import type { Message } from './protos.ts';
import { V1 } from './protos.ts';
import { StatusError } from './wire.ts';
import type { Handlers } from './wire.ts';
import { labelsOf } from './world.ts';
import type { VertexWorld } from './world.ts';

const ID_PATTERN = /^[a-z_][a-z0-9_-]{0,62}$/;

/** google.cloud.aiplatform.v1.ModelService: upload, get, list, delete. */
export function modelService(world: VertexWorld): Handlers {
  return {
    UploadModel: ({ parent, modelId, model }) => {
      const id = String(modelId ?? world.newId());
      if (!ID_PATTERN.test(id)) {
        throw new StatusError('INVALID_ARGUMENT', `model_id "${id}" is invalid.`);
      }
      const name = `${String(parent)}/models/${id}`;
      if (world.models.items.has(name)) {
        throw new StatusError('ALREADY_EXISTS', `The model "${name}" already exists.`);
      }
      const message = model as Message;
      return world.startOperation(name, () => {
        if (world.models.items.has(name)) {
          throw new StatusError('ALREADY_EXISTS', `The model "${name}" already exists.`);
        }
        const labels = labelsOf(message);
        const bornAt = world.birth();
        const stored = { ...message, name, versionId: '1', versionAliases: ['default'] };
        world.models.add({ name, labels, bornAt, message: stored, hiddenFor: 0 });
        return { type: `${V1}.UploadModelResponse`, message: { model: name, modelVersionId: '1' } };
      });
    },
    GetModel: ({ name }) => {
      world.settleOperations();
      return world.models.get(name).message;
    },
    ListModels: (request) => {
      const { page, nextPageToken } = world.models.list(request);
      return { models: page.map(({ message }) => message), nextPageToken };
    },
    DeleteModel: ({ name }) => {
      const found = world.models.get(name);
      return world.startOperation(found.name, () => {
        world.models.delete(found.name);
        return { type: 'google.protobuf.Empty', message: {} };
      });
    },
  };
}
