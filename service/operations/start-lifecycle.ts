import type { Client } from '@temporalio/client';
import { lifecycleId } from '../../core/ids.ts';
import type { LifecycleRequest } from '../../core/lifecycle/request.ts';
import { startOnce } from './start-once.ts';
import type { RunStart } from './start-once.ts';

export type LifecycleStart = RunStart;

/** Starts a lifecycle, once: the id is that of model and version. @throws as `startOnce` does */
export async function startLifecycle(
  client: Client,
  request: LifecycleRequest,
): Promise<LifecycleStart> {
  return startOnce(client, {
    workflow: 'runLifecycle',
    workflowId: lifecycleId(request),
    request,
    summary: `${request.model} ${request.version} by ${request.author}`,
  });
}
