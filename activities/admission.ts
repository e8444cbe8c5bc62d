import type { BackendChoice, PortName } from '../core/backend.ts';
import { backendFor } from '../core/backend.ts';
import { OrreryError } from '../core/errors.ts';
import { targetOf } from '../core/operations/order.ts';
import type { OperateRequest } from '../core/operations/order.ts';
import { lifecycleId, rolloutId, trainingId } from '../core/ids.ts';
import type { LifecycleRequest } from '../core/lifecycle/request.ts';
import type { WorkflowType } from '../core/messages.ts';
import type { RetrainRequest } from '../core/release/retrain.ts';
import type { RolloutRequest } from '../core/rollout/request.ts';
import type { TrainRequest } from '../core/training/request.ts';
import {
  parseLifecycleRequest,
  parseRetrainRequest,
  parseRolloutRequest,
  parseTrainRequest,
} from '../schemas/lifecycle.ts';
import { parseOperateRequest } from '../schemas/operations.ts';
import type { Deps } from './deps.ts';
import { portMissing } from './deps.ts';

export interface RequestByWorkflow {
  readonly runLifecycle: LifecycleRequest;
  readonly trainModel: TrainRequest;
  readonly rolloutRegion: RolloutRequest;
  readonly retrainModel: RetrainRequest;
  readonly operateBackend: OperateRequest;
}

export interface AdmitInput {
  readonly workflow: WorkflowType;
  readonly workflowId: string;
  readonly request: unknown;
}

interface Rule<Request> {
  readonly parse: (value: unknown) => Request;
  /** The id that fits the request; null where any id does. */
  readonly id: (request: Request) => string | null;
  readonly needs: (request: Request) => readonly Need[];
}

/** A port of a backend, or the backend as such. */
interface Need {
  readonly backend: string;
  readonly port: PortName | null;
}

const chosen = (choice: BackendChoice, ports: readonly PortName[]): readonly Need[] =>
  ports.map((port) => ({ backend: backendFor(choice, port), port }));

/** What a life from data to release needs. */
const LIFE_PORTS = [
  'artifacts',
  'compute',
  'metrics',
  'models',
  'prices',
  'serving',
  'signer',
  'traffic',
] as const satisfies readonly PortName[];

const RULES: { readonly [Type in WorkflowType]: Rule<RequestByWorkflow[Type]> } = {
  runLifecycle: {
    parse: parseLifecycleRequest,
    id: lifecycleId,
    needs: ({ backends }) => chosen(backends, LIFE_PORTS),
  },
  trainModel: {
    parse: parseTrainRequest,
    id: trainingId,
    needs: ({ backends }) => chosen(backends, ['artifacts', 'compute', 'prices']),
  },
  rolloutRegion: {
    parse: parseRolloutRequest,
    id: rolloutId,
    needs: ({ backends }) =>
      chosen(backends, ['artifacts', 'metrics', 'models', 'serving', 'traffic']),
  },
  retrainModel: {
    parse: parseRetrainRequest,
    // A schedule appends the time of its firing to the id.
    id: () => null,
    needs: ({ lifecycle }) => chosen(lifecycle.backends, LIFE_PORTS),
  },
  operateBackend: {
    parse: parseOperateRequest,
    // Nothing is kept under the id of an order.
    id: () => null,
    needs: ({ order }) => {
      const target = targetOf(order);
      return target === null ? [] : [target];
    },
  },
};

export function createAdmissionActivities(deps: Deps) {
  return {
    /**
     * The first activity of every workflow: parses the request against its schema, fills defaults,
     * checks the id, resolves the named backends. So a workflow started past our service is checked
     * the same.
     *
     * @throws REQUEST_INVALID, ID_MISMATCH, BACKEND_UNKNOWN, PORT_MISSING, SETTINGS_INVALID
     */
    async admit(input: AdmitInput): Promise<RequestByWorkflow[WorkflowType]> {
      return admitBy(RULES[input.workflow] as Rule<RequestByWorkflow[WorkflowType]>, input, deps);
    },
  };
}

async function admitBy<Request>(
  rule: Rule<Request>,
  input: AdmitInput,
  deps: Deps,
): Promise<Request> {
  const request = rule.parse(input.request);
  const wanted = rule.id(request);
  if (wanted !== null && wanted !== input.workflowId) {
    throw new OrreryError(
      'ID_MISMATCH',
      `Cannot run this request as "${input.workflowId}": its id is "${wanted}"`,
    );
  }
  for (const { backend, port } of rule.needs(request)) {
    const { has } = await deps.backends.describe(backend);
    if (port !== null && !has.includes(port)) throw await portMissing(deps.backends, backend, port);
  }
  return request;
}
