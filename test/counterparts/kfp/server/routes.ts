import { randomUUID } from 'node:crypto';
import { parse as parseYaml } from 'yaml';

import {
  experimentMessage,
  pipelineMessage,
  recurringRunMessage,
  runMessage,
  versionMessage,
} from './messages.ts';
import { notFound, Refusal } from './refusal.ts';
import { pageOf, validateInputs, type PipelineIr, type VersionRow } from './rows.ts';
import type { KfpWorld } from './world.ts';

export interface RouteCall {
  readonly world: KfpWorld;
  readonly query: URLSearchParams;
  /** Members of the path, decoded. */
  readonly path: readonly string[];
  readonly body: Record<string, unknown>;
  /** Text of `uploadfile`. */
  readonly file: string;
}
type Handler = (call: RouteCall) => unknown;

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const EMPTY = {};

function reference(body: Record<string, unknown>) {
  const held = (body['pipeline_version_reference'] ?? {}) as Record<string, string>;
  return {
    pipelineId: held['pipeline_id'] ?? '',
    versionId: held['pipeline_version_id'] ?? '',
  };
}

function parametersOf(body: Record<string, unknown>): Record<string, unknown> {
  return ((body['runtime_config'] as { parameters?: object } | undefined)?.parameters ??
    {}) as Record<string, unknown>;
}

const runs: Readonly<Record<string, Handler>> = {
  'POST runs': async ({ world, body }) => {
    if (text(body['display_name']) === '') {
      throw new Refusal('INTERNAL', 'Invalid input error: Run name cannot be empty');
    }
    const run = await world.createRun({
      name: text(body['display_name']),
      description: text(body['description']),
      recurringRunId: text(body['recurring_run_id']),
      experimentId: text(body['experiment_id']),
      ...reference(body),
      parameters: parametersOf(body),
    });
    return runMessage(run, world);
  },
  'GET runs': ({ world, query }) => {
    world.report();
    const { rows, rest } = pageOf(world.runs.values(), query, {
      run_id: (run) => run.id,
      display_name: (run) => run.name,
      description: (run) => run.description,
      recurring_run_id: (run) => run.recurringRunId,
      experiment_id: (run) => run.experimentId,
      state: (run) => run.state,
    });
    return { runs: rows.map((run) => runMessage(run, world)), ...rest };
  },
  'GET runs/*': ({ world, path }) => runMessage(world.run(path[0]!), world),
  'DELETE runs/*': ({ world, path }) => (world.deleteRun(path[0]!), EMPTY),
  'POST runs/*:terminate': async ({ world, path }) => {
    await world.terminateRun(path[0]!);
    return EMPTY;
  },
  'POST runs/*:retry': ({ world, path }) => (world.retryRun(path[0]!), EMPTY),
};

const recurringRuns: Readonly<Record<string, Handler>> = {
  'POST recurringruns': ({ world, body }) => {
    const { pipelineId, versionId } = reference(body);
    const version = versionId === '' ? latestOf(world, pipelineId) : world.versions.get(versionId);
    if (version === undefined) throw notFound('PipelineVersion', versionId || pipelineId);
    validateInputs(version.spec, parametersOf(body));
    const concurrency = Number(body['max_concurrency']);
    if (concurrency < 1 || concurrency > 10) {
      throw new Refusal(
        'INVALID_ARGUMENT',
        'The max_concurrency of the job is out of range (1–10)',
      );
    }
    const row = {
      id: randomUUID(),
      name: text(body['display_name']),
      description: text(body['description']),
      pipelineId,
      versionId,
      experimentId: text(body['experiment_id']),
      parameters: parametersOf(body),
      trigger: body['trigger'],
      maxConcurrency: text(body['max_concurrency']),
      noCatchup: body['no_catchup'] === true,
      enabled: body['mode'] === 'ENABLE',
      createdAt: world.seconds(),
    };
    world.recurringRuns.set(row.id, row);
    return recurringRunMessage(row);
  },
  'GET recurringruns': ({ world, query }) => {
    const { rows, rest } = pageOf(world.recurringRuns.values(), query, {
      recurring_run_id: (row) => row.id,
      display_name: (row) => row.name,
      description: (row) => row.description,
    });
    return { recurringRuns: rows.map(recurringRunMessage), ...rest };
  },
  'DELETE recurringruns/*': ({ world, path }) => {
    if (!world.recurringRuns.delete(path[0]!)) throw notFound('Job', path[0]!);
    return EMPTY;
  },
};

function latestOf(world: KfpWorld, pipelineId: string): VersionRow | undefined {
  return [...world.versions.values()]
    .filter((version) => version.pipelineId === pipelineId)
    .toSorted((a, b) => b.createdAt - a.createdAt)[0];
}

const pipelines: Readonly<Record<string, Handler>> = {
  'POST pipelines': ({ world, body }) => {
    const name = text(body['name']) || text(body['display_name']);
    if ([...world.pipelines.values()].some((row) => row.name === name)) {
      throw new Refusal('ALREADY_EXISTS', `Already exist error: pipeline ${name} already exists`);
    }
    const description = text(body['description']);
    const row = { id: randomUUID(), name, description, createdAt: world.seconds() };
    world.pipelines.set(row.id, row);
    return pipelineMessage(row);
  },
  'GET pipelines': ({ world, query }) => {
    const { rows, rest } = pageOf(world.pipelines.values(), query, {
      name: (row) => row.name,
      display_name: (row) => row.name,
      description: (row) => row.description,
    });
    return { pipelines: rows.map(pipelineMessage), ...rest };
  },
  'GET pipelines/names/*': ({ world, path }) => {
    const row = [...world.pipelines.values()].find(({ name }) => name === path[0]);
    if (row === undefined) throw notFound('Pipeline', path[0]!);
    return pipelineMessage(row);
  },
  'GET pipelines/*': ({ world, path }) => {
    const row = world.pipelines.get(path[0]!);
    if (row === undefined) throw notFound('Pipeline', path[0]!);
    return pipelineMessage(row);
  },
  'DELETE pipelines/*': ({ world, path, query }) => {
    const versions = [...world.versions.values()].filter((row) => row.pipelineId === path[0]);
    if (!world.pipelines.has(path[0]!)) throw notFound('Pipeline', path[0]!);
    if (versions.length > 0 && query.get('cascade') !== 'true') {
      throw new Refusal('INVALID_ARGUMENT', `pipeline ${path[0]} has existing pipeline versions`);
    }
    for (const { id } of versions) world.versions.delete(id);
    world.pipelines.delete(path[0]!);
    return EMPTY;
  },
  'GET pipelines/*/versions': ({ world, path, query }) => {
    const own = [...world.versions.values()].filter((row) => row.pipelineId === path[0]);
    const { rows, rest } = pageOf(own, query, { display_name: (row) => row.name });
    return { pipeline_versions: rows.map(versionMessage), ...rest };
  },
  'GET pipelines/*/versions/*': ({ world, path }) => {
    const row = world.versions.get(path[1]!);
    if (row === undefined) throw notFound('PipelineVersion', path[1]!);
    return versionMessage(row);
  },
  'POST pipelines/upload_version': ({ world, query, file }) => {
    const pipelineId = query.get('pipelineid') ?? '';
    const name = query.get('name') ?? '';
    if (!world.pipelines.has(pipelineId)) throw notFound('Pipeline', pipelineId);
    const spec = irOf(file);
    const own = [...world.versions.values()].filter((row) => row.pipelineId === pipelineId);
    if (own.some((row) => row.name === name)) {
      throw new Refusal('ALREADY_EXISTS', `Already exist error: version ${name} already exists`);
    }
    const description = query.get('description') ?? '';
    const createdAt = world.seconds();
    const row = { id: randomUUID(), pipelineId, name, description, createdAt, spec };
    world.versions.set(row.id, row);
    return versionMessage(row);
  },
};

function irOf(source: string): PipelineIr {
  const spec = parseYaml(source) as PipelineIr | string | null;
  if (typeof spec === 'object' && spec?.pipelineInfo?.name !== undefined) return spec;
  throw new Refusal(
    'INVALID_ARGUMENT',
    'Failed to create a pipeline version: Invalid input error: unknown template format: pipelineInfo.name is missing',
  );
}

const experiments: Readonly<Record<string, Handler>> = {
  'POST experiments': ({ world, body }) => {
    const name = text(body['display_name']);
    if ([...world.experiments.values()].some((row) => row.name === name)) {
      throw new Refusal(
        'ALREADY_EXISTS',
        `Already exist error: Failed to create a new experiment. The name ${name} already exists. Please specify a new name`,
      );
    }
    const row = {
      id: randomUUID(),
      name,
      description: text(body['description']),
      namespace: text(body['namespace']),
      createdAt: world.seconds(),
    };
    world.experiments.set(row.id, row);
    return experimentMessage(row);
  },
  'GET experiments': ({ world, query }) => {
    const { rows, rest } = pageOf(world.experiments.values(), query, {
      display_name: (row) => row.name,
      description: (row) => row.description,
    });
    return { experiments: rows.map(experimentMessage), ...rest };
  },
  'DELETE experiments/*': ({ world, path }) => {
    if (!world.experiments.delete(path[0]!)) throw notFound('Experiment', path[0]!);
    return EMPTY;
  },
};

const HANDLERS: Readonly<Record<string, Handler>> = {
  'GET healthz': () => ({ multi_user: false }),
  ...runs,
  ...recurringRuns,
  ...pipelines,
  ...experiments,
};

/** Patterns with the fewest stars first, so that `names` and `upload_version` are no ids. */
const ROUTES = Object.entries(HANDLERS)
  .map(([route, handler]) => ({ route, handler, stars: route.split('*').length }))
  .toSorted((a, b) => a.stars - b.stars)
  .map(({ route, handler }) => ({
    pattern: new RegExp(`^${route.replaceAll('*', '([^/:]+)')}$`),
    handler,
  }));

/** @throws Refusal for a path that the API does not have */
export function routeOf(method: string, pathname: string) {
  const wanted = `${method} ${pathname.replace('/apis/v2beta1/', '')}`;
  for (const { pattern, handler } of ROUTES) {
    const match = pattern.exec(wanted);
    if (match !== null) return { handler, path: match.slice(1).map(decodeURIComponent) };
  }
  throw new Refusal('NOT_FOUND', 'Not Found');
}
