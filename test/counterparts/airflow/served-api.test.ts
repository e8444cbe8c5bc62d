/** Every call that the backend makes and every member that it reads is in the API that Airflow serves. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import * as replies from '../../../backends/airflow/replies.ts';
import { filesUnder, textOf } from '../../support/project-files.ts';
import { ensureAirflow } from './running.ts';

const API = '/api/v2';
const RUN = '/dags/{dag_id}/dagRuns/{dag_run_id}';
const { dagSchema, runSchema, poolSchema, backfillSchema } = replies;

interface Used {
  readonly query?: readonly string[];
  readonly body?: readonly string[];
  /** What is read of a success; none where nothing is. */
  readonly reads?: z.ZodType;
}

/** `METHOD path` → what the backend uses of it. */
const USED: Readonly<Record<string, Used>> = {
  'GET /version': { reads: replies.versionSchema },
  'GET /monitor/health': { reads: replies.healthSchema },
  'GET /dags/{dag_id}': { reads: dagSchema },
  'PATCH /dags/{dag_id}': { body: ['is_paused'], reads: dagSchema },
  'DELETE /dags/{dag_id}': {},
  'GET /importErrors': { query: ['limit', 'order_by'], reads: replies.importErrorsSchema },
  'GET /dagSources/{dag_id}': { reads: replies.dagSourceSchema },
  'PUT /parseDagFile/{file_token}': {},
  'GET /dags/{dag_id}/dagRuns': {
    query: [
      'limit',
      'offset',
      'order_by',
      'state',
      'run_type',
      'conf_contains',
      'logical_date_gte',
      'logical_date_lte',
    ],
    reads: replies.runsSchema,
  },
  'POST /dags/{dag_id}/dagRuns': {
    body: ['dag_run_id', 'logical_date', 'conf'],
    reads: runSchema,
  },
  [`GET ${RUN}`]: { reads: runSchema },
  [`PATCH ${RUN}`]: { body: ['state', 'note'], reads: runSchema },
  [`POST ${RUN}/clear`]: { body: ['dry_run', 'only_failed', 'note'], reads: runSchema },
  [`GET ${RUN}/taskInstances`]: {
    query: ['limit', 'offset', 'order_by'],
    reads: replies.taskInstancesSchema,
  },
  [`GET ${RUN}/upstreamAssetEvents`]: { reads: replies.assetEventsSchema },
  'GET /assets': { query: ['uri_pattern', 'name_pattern', 'limit'], reads: replies.assetsSchema },
  'GET /assets/events': {
    query: ['asset_id', 'source_dag_id', 'source_run_id', 'order_by', 'limit', 'offset'],
    reads: replies.assetEventsSchema,
  },
  'POST /assets/events': { body: ['asset_id', 'extra'], reads: replies.assetEventSchema },
  'POST /assets/{asset_id}/materialize': {
    body: ['dag_run_id', 'logical_date', 'conf'],
    reads: runSchema,
  },
  'GET /backfills': {
    query: ['dag_id', 'order_by', 'limit', 'offset'],
    reads: replies.backfillsSchema,
  },
  'POST /backfills': {
    body: [
      'dag_id',
      'from_date',
      'to_date',
      'dag_run_conf',
      'reprocess_behavior',
      'max_active_runs',
    ],
    reads: backfillSchema,
  },
  'POST /backfills/dry_run': { body: ['dag_id'], reads: replies.plannedRunsSchema },
  'PUT /backfills/{backfill_id}/cancel': {},
  'GET /pools': { query: ['limit', 'offset', 'order_by'], reads: replies.poolsSchema },
  'GET /pools/{pool_name}': { reads: poolSchema },
  'POST /pools': {
    body: ['name', 'slots', 'description', 'include_deferred'],
    reads: poolSchema,
  },
  'PATCH /pools/{pool_name}': { query: ['update_mask'], body: ['slots'], reads: poolSchema },
  'DELETE /pools/{pool_name}': {},
};

/** A JSON schema, as far as it is looked into. */
interface Schema {
  readonly $ref?: string;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}
interface Content {
  readonly content?: { readonly 'application/json'?: { readonly schema: Schema } };
}
interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}
interface Served {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

describe('The API that Airflow serves', () => {
  let served: Served;
  beforeAll(async () => {
    const { url } = await ensureAirflow();
    served = (await (await fetch(`${url}/openapi.json`)).json()) as Served;
  });

  const operation = (call: string): Operation | undefined => {
    const [method = '', path = ''] = call.split(' ');
    return served.paths[`${API}${path}`]?.[method.toLowerCase()];
  };
  /** The schema itself, behind references; of alternatives all that have members. */
  const variants = (schema: Schema): readonly Schema[] => {
    if (schema.$ref !== undefined) {
      return variants(served.components.schemas[schema.$ref.split('/').at(-1)!]!);
    }
    return schema.anyOf === undefined ? [schema] : schema.anyOf.flatMap(variants);
  };
  const membersOf = (schema: Schema): Readonly<Record<string, Schema>> =>
    Object.assign({}, ...variants(schema).map(({ properties }) => properties ?? {})) as Readonly<
      Record<string, Schema>
    >;
  /** Members of a zod schema that the served one does not have, as paths. */
  const missing = (read: z.ZodType, schema: Schema, place: string): readonly string[] => {
    if (read instanceof z.ZodNullable || read instanceof z.ZodOptional) {
      return missing(read.unwrap() as z.ZodType, schema, place);
    }
    if (read instanceof z.ZodArray) {
      const [list] = variants(schema).filter(({ items }) => items !== undefined);
      if (list?.items === undefined) return [`${place}[]`];
      return missing(read.element as z.ZodType, list.items, `${place}[]`);
    }
    if (!(read instanceof z.ZodObject)) return [];
    const members = membersOf(schema);
    return Object.entries(read.shape as Readonly<Record<string, z.ZodType>>).flatMap(
      ([name, member]) => {
        const there = members[name];
        return there === undefined
          ? [`${place}.${name}`]
          : missing(member, there, `${place}.${name}`);
      },
    );
  };

  it.each(Object.keys(USED))('has %s with all that the backend uses of it', (call) => {
    const { query = [], body = [], reads } = USED[call]!;
    const there = operation(call);
    expect(there).toBeDefined();
    const parameters = there!.parameters?.map(({ name }) => name) ?? [];
    expect(query.filter((name) => !parameters.includes(name))).toEqual([]);
    const sent = there!.requestBody?.content?.['application/json']?.schema;
    const members = sent === undefined ? {} : membersOf(sent);
    expect(body.filter((name) => !Object.hasOwn(members, name))).toEqual([]);
    if (reads === undefined) return;
    const success = Object.entries(there!.responses).find(([status]) => status.startsWith('2'));
    const schema = success?.[1].content?.['application/json']?.schema;
    expect(schema).toBeDefined();
    expect(missing(reads, schema!, 'reply')).toEqual([]);
  });

  it('is spoken to by the calls of this list and no others, but for the login and the deadlines', () => {
    const paths = filesUnder('backends/airflow')
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => {
        const text = textOf(file).replaceAll('${RUN_PATH}', RUN);
        return [...text.matchAll(/['`](\/(?:[A-Za-z_{}]+\/?)+)['`]/g)].map(([, path]) => path!);
      })
      .filter((path) => !/^\/(auth|ui|api)\b/.test(path));
    const listed = Object.keys(USED).map((call) => call.split(' ')[1]!);
    expect([...new Set(paths)].sort()).toEqual([...new Set(listed)].sort());
  });
});
