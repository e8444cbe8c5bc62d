import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import type { Logger } from '@temporalio/worker';
import { homePaths, PROJECT_ROOT } from './home.ts';

/**
 * The interceptors are part of every history, so they are in the bundle whether or not traces are
 * exported: a run can then move between workers with and without an exporter.
 */
const WORKFLOW_INTERCEPTORS = ['@temporalio/interceptors-opentelemetry/lib/workflow-interceptors'];

const QUIET: Logger = Object.fromEntries(
  ['log', 'trace', 'debug', 'info', 'warn', 'error'].map((level) => [level, () => undefined]),
) as unknown as Logger;

export interface WorkflowBundle {
  readonly codePath: string;
  /** Digest of the sources: the build id of the worker deployment. */
  readonly buildId: string;
}

/** Bundles the workflows once per state of their sources and keeps the bundle in the home's cache. */
export async function workflowBundle(home: string): Promise<WorkflowBundle> {
  const buildId = sourceDigest();
  const codePath = bundlePath(home, buildId);
  if (!existsSync(codePath)) {
    const { code } = await bundleWorkflows();
    mkdirSync(homePaths(home).cache, { recursive: true });
    const draft = `${codePath}.${process.pid}`;
    writeFileSync(draft, code);
    renameSync(draft, codePath);
  }
  return { codePath, buildId };
}

/** Where the bundle of a build is kept; bundles of older builds stay for the runs that began on them. */
export function bundlePath(home: string, buildId: string): string {
  return join(homePaths(home).cache, `workflows-${buildId}.js`);
}

/** @param interceptors more interceptor modules, by path; they must issue no commands of their own */
export function bundleWorkflows(interceptors: readonly string[] = []) {
  const require = createRequire(import.meta.url);
  const own = WORKFLOW_INTERCEPTORS.map((name) => require.resolve(name));
  return bundleWorkflowCode({
    workflowsPath: join(PROJECT_ROOT, 'workflows', 'all.ts'),
    workflowInterceptorModules: [...own, ...interceptors],
    logger: QUIET,
  });
}

/** Digest over the rooms that the bundle is made of, and the versions that make it. */
function sourceDigest(): string {
  const hash = createHash('sha256');
  for (const room of ['core', 'workflows']) {
    for (const file of readdirSync(join(PROJECT_ROOT, room), {
      recursive: true,
      encoding: 'utf8',
    }).sort()) {
      if (file.endsWith('.ts'))
        hash.update(file).update(readFileSync(join(PROJECT_ROOT, room, file)));
    }
  }
  hash.update(readFileSync(join(PROJECT_ROOT, 'package.json')));
  return hash.digest('hex').slice(0, 16);
}
