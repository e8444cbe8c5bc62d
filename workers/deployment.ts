import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { OrreryError } from '../core/errors.ts';
import { DEPLOYMENT_NAME } from '../core/messages.ts';

/** How long the workers of a new version may take until they poll. */
const WAIT_MS_MAX = 60_000;
const RETRY_MS = 250;

/**
 * Makes a build the one that new runs start on, once its workers poll. Runs of older builds stay
 * on theirs until they are done.
 *
 * @param stillPossible throws when waiting on makes no sense
 * @throws OrreryError ENGINE_UNREACHABLE when the server does not take it in time
 */
export async function setCurrentVersion(
  client: Client,
  namespace: string,
  buildId: string,
  stillPossible: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const until = Date.now() + WAIT_MS_MAX;
  for (;;) {
    try {
      await client.workflowService.setWorkerDeploymentCurrentVersion({
        namespace,
        deploymentName: DEPLOYMENT_NAME,
        buildId,
        identity: 'orrery up',
        ignoreMissingTaskQueues: true,
      });
      return;
    } catch (cause) {
      if (Date.now() > until) {
        throw new OrreryError(
          'ENGINE_UNREACHABLE',
          `Cannot make build ${buildId} current: ${String(cause)}; wanted its workers to poll within ${WAIT_MS_MAX / 1000} s`,
          { cause },
        );
      }
      await stillPossible();
      await sleep(RETRY_MS);
    }
  }
}
