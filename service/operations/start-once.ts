import type { Client } from '@temporalio/client';
import { digestOf } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import type { LifecycleId } from '../../core/ids.ts';
import { TASK_QUEUES } from '../../core/messages.ts';
import type { WorkflowType } from '../../core/messages.ts';
import { askEngine } from '../engine-errors.ts';
import { attributesOf } from './search-attributes.ts';

export interface RunStart {
  readonly workflowId: string;
  readonly runId: string;
  /** False when the same request runs, or has succeeded, under this id already. */
  readonly started: boolean;
  /** SHA-256 of the request as it was parsed, defaults included; also in the run's memo. */
  readonly requestDigest: string;
}

export interface StartSpec {
  readonly workflow: WorkflowType;
  readonly workflowId: string;
  readonly request: LifecycleId;
  /** For people who look at the list of runs. */
  readonly summary: string;
}

/**
 * Starts a run, once: a start that is repeated with the same request is answered with the run that is
 * there. A run that failed may be started again.
 *
 * @throws OrreryError ALREADY_RUNNING when another request holds the id; SETTINGS_INVALID when the
 *   server lacks the search attributes; ENGINE_UNREACHABLE
 */
export async function startOnce(
  client: Client,
  { workflow, workflowId, request, summary }: StartSpec,
): Promise<RunStart> {
  const requestDigest = digestOf(request);
  return askEngine(client, `start ${workflowId}`, async () => {
    try {
      const handle = await client.workflow.start(workflow, {
        workflowId,
        taskQueue: TASK_QUEUES.orchestrate,
        args: [request],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        workflowIdConflictPolicy: 'FAIL',
        memo: { requestDigest },
        typedSearchAttributes: attributesOf(request),
        staticSummary: summary,
      });
      return { workflowId, runId: handle.firstExecutionRunId, started: true, requestDigest };
    } catch (error) {
      if ((error as Error).name !== 'WorkflowExecutionAlreadyStartedError') throw error;
      return { ...(await existing(client, workflowId, requestDigest)), started: false };
    }
  });
}

async function existing(
  client: Client,
  workflowId: string,
  requestDigest: string,
): Promise<Omit<RunStart, 'started'>> {
  const { memo, runId, status } = await client.workflow.getHandle(workflowId).describe();
  if (memo?.['requestDigest'] === requestDigest) return { workflowId, runId, requestDigest };
  throw new OrreryError(
    'ALREADY_RUNNING',
    `Cannot start ${workflowId}: another request holds the id (${status.name.toLowerCase()}), wanted a free version name`,
    { details: { workflowId, runId, requestDigest: memo?.['requestDigest'] ?? null } },
  );
}
