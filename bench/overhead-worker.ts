/**
 * A worker process of the overhead bench: `overhead-worker.ts ADDRESS QUEUE ROLE`, where the role
 * is `workflows`, `activities` or `both`. It ends on SIGTERM.
 */
import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { WorkerOptions } from '@temporalio/worker';
import { OrreryError } from '../core/errors.ts';

const stepActivities = {
  async passStep(step: number): Promise<number> {
    return step;
  },
};
export type StepActivities = typeof stepActivities;

const WORKFLOWS_PATH = fileURLToPath(new URL('./overhead-workflow.ts', import.meta.url));

const ROLES: Readonly<Record<string, Partial<WorkerOptions>>> = {
  workflows: { workflowsPath: WORKFLOWS_PATH },
  activities: { activities: stepActivities },
  both: { workflowsPath: WORKFLOWS_PATH, activities: stepActivities },
};

async function main([address, taskQueue, role]: readonly string[]): Promise<void> {
  const options = role === undefined ? undefined : ROLES[role];
  if (!address || !taskQueue || !options) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot start a bench worker with role "${role}": the words are ADDRESS QUEUE ${Object.keys(ROLES).join('|')}`,
    );
  }
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({ ...options, connection, taskQueue });
  await worker.run();
  await connection.close();
}

await main(process.argv.slice(2));
