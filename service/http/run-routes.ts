import { z } from 'zod';
import { lifecycleRequestSchema, trainRequestSchema } from '../../schemas/lifecycle.ts';
import { pipelineRequestSchema } from '../../schemas/pipeline.ts';
import { tuneRequestSchema } from '../../schemas/tuning.ts';
import { parseStart, planStart, startWork } from '../operations/start-work.ts';
import type { StartKind } from '../operations/start-work.ts';
import { planReply } from './backend-replies.ts';
import { startReply } from './replies.ts';
import { ok, route } from './route.ts';
import type { Route } from './route.ts';

const none = z.strictObject({});

interface Runnable {
  readonly path: string;
  readonly workflow: StartKind;
  readonly body: z.ZodType;
  /** As in `startPipeline`. */
  readonly noun: string;
  /** False for what another route starts. */
  readonly starts: boolean;
}
const RUNNABLES: readonly Runnable[] = [
  {
    path: '/v1/pipelines',
    workflow: 'runPipeline',
    body: pipelineRequestSchema,
    noun: 'Pipeline',
    starts: true,
  },
  {
    path: '/v1/tunings',
    workflow: 'tuneModel',
    body: tuneRequestSchema,
    noun: 'Tuning',
    starts: true,
  },
  {
    path: '/v1/trainings',
    workflow: 'trainModel',
    body: trainRequestSchema,
    noun: 'Training',
    starts: true,
  },
  {
    path: '/v1/lifecycles',
    workflow: 'runLifecycle',
    body: lifecycleRequestSchema,
    noun: 'Lifecycle',
    starts: false,
  },
];

/** What a request would cost, and the start of what is not a lifecycle. */
export const RUN_ROUTES: readonly Route[] = RUNNABLES.flatMap((runnable) => [
  ...(runnable.starts ? [startRoute(runnable)] : []),
  planRoute(runnable),
]);

function startRoute({ path, workflow, body, noun }: Runnable): Route {
  return route({
    method: 'POST',
    path,
    operationId: `start${noun}`,
    summary: `Starts ${workflow}; 200 when the same request holds the id already`,
    params: none,
    query: none,
    body,
    reply: startReply,
    codes: ['ALREADY_RUNNING', 'SETTINGS_INVALID'],
    run: async ({ client, body: request }) => {
      const value = await startWork(client, parseStart(workflow, request));
      return { status: value.started ? 201 : 200, value };
    },
  });
}

function planRoute({ path, workflow, body, noun }: Runnable): Route {
  return route({
    method: 'POST',
    path: `${path}/plan`,
    operationId: `plan${noun}`,
    summary: 'Tells what a request costs at most, step by step, and starts nothing',
    params: none,
    query: none,
    body,
    reply: planReply,
    codes: [],
    run: ({ client, body: request }) => ok(planStart(client, parseStart(workflow, request))),
  });
}
