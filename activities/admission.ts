import type { BackendChoice, ComputeStep, PortName } from '../core/backend.ts';
import { backendFor, backendsForStep } from '../core/backend.ts';
import { OrreryError } from '../core/errors.ts';
import { targetOf } from '../core/operations/order.ts';
import type { OperateRequest } from '../core/operations/order.ts';
import { lifecycleId, pipelineId, rolloutId, trainingId, tuningId } from '../core/ids.ts';
import type { LifecycleRequest } from '../core/lifecycle/request.ts';
import type { WorkflowType } from '../core/messages.ts';
import type { PipelineRequest, RefreshRequest } from '../core/pipeline/request.ts';
import type { RetrainRequest } from '../core/release/retrain.ts';
import type { RolloutRequest } from '../core/rollout/request.ts';
import type { TrainRequest } from '../core/training/request.ts';
import type { TuneRequest } from '../core/tuning/request.ts';
import {
  parseLifecycleRequest,
  parseRetrainRequest,
  parseRolloutRequest,
  parseTrainRequest,
} from '../schemas/lifecycle.ts';
import { parseOperateRequest } from '../schemas/operations.ts';
import { parsePipelineRequest } from '../schemas/pipeline.ts';
import { parseTuneRequest } from '../schemas/tuning.ts';
import type { Deps } from './deps.ts';
import { portMissing } from './deps.ts';

export interface RequestByWorkflow {
  readonly runLifecycle: LifecycleRequest;
  readonly trainModel: TrainRequest;
  readonly rolloutRegion: RolloutRequest;
  readonly retrainModel: RetrainRequest;
  readonly operateBackend: OperateRequest;
  readonly runPipeline: PipelineRequest;
  readonly tuneModel: TuneRequest;
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

/** Each backend of a step's list must be able to run it, though it may never come to that. */
const computing = (choice: BackendChoice, steps: readonly ComputeStep[]): readonly Need[] =>
  steps.flatMap((step) =>
    backendsForStep(choice, step).map((backend): Need => ({ backend, port: 'compute' })),
  );

/** A list of the step's own, or the backend that is chosen for the port. */
const listed = (choice: BackendChoice, port: PortName, on: readonly string[] = []) =>
  on.length > 0 ? on.map((backend): Need => ({ backend, port })) : chosen(choice, [port]);

/** What a life from data to release needs. */
function lifeNeeds(choice: BackendChoice, refresh: RefreshRequest | undefined): readonly Need[] {
  return [
    ...chosen(choice, ['artifacts']),
    ...(refresh === undefined ? [] : listed(choice, 'pipeline', refresh.pipeline.on)),
    ...computing(choice, ['prepare', 'train', 'score']),
    ...chosen(choice, ['metrics', 'models', 'prices', 'serving', 'signer', 'traffic']),
  ];
}

/** The far side's own search, or jobs whose `metrics.json` we read. */
function tuningNeeds({ engine, backends, on = [], search }: TuneRequest): readonly Need[] {
  if (engine === 'backend')
    return [...listed(backends, 'tuning', on), ...chosen(backends, ['prices'])];
  const trials =
    on.length > 0 ? listed(backends, 'compute', on) : computing(backends, [search.trial.kind]);
  return [...trials, ...chosen(backends, ['artifacts', 'prices'])];
}

const RULES: { readonly [Type in WorkflowType]: Rule<RequestByWorkflow[Type]> } = {
  runLifecycle: {
    parse: parseLifecycleRequest,
    id: lifecycleId,
    needs: ({ backends, data }) => lifeNeeds(backends, data.refresh),
  },
  trainModel: {
    parse: parseTrainRequest,
    id: trainingId,
    needs: ({ backends }) => [
      ...chosen(backends, ['artifacts', 'prices']),
      ...computing(backends, ['prepare', 'train']),
    ],
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
    needs: ({ lifecycle }) => lifeNeeds(lifecycle.backends, lifecycle.data.refresh),
  },
  runPipeline: {
    parse: parsePipelineRequest,
    id: pipelineId,
    needs: ({ backends, pipeline }) => listed(backends, 'pipeline', pipeline.on),
  },
  tuneModel: {
    parse: parseTuneRequest,
    id: tuningId,
    needs: tuningNeeds,
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
