import { z } from 'zod';
import type { ErrorCode } from '../../core/errors.ts';
import { PROBLEM_MEDIA_TYPE, problemSchema } from './problem.ts';
import type { Route } from './route.ts';
import { STATUS_BY_CODE } from './status.ts';

const COMMON_CODES: readonly ErrorCode[] = [
  'REQUEST_INVALID',
  'FORBIDDEN',
  'ENGINE_UNREACHABLE',
  'INTERNAL',
];
const PROBLEM_REF = { $ref: '#/components/schemas/Problem' };

/** Where a POST creates something unless it is there. */
const CREATES = ['lifecycles', 'schedules', 'pipelines', 'tunings', 'trainings'].map(
  (noun) => `/v1/${noun}`,
);

type JsonObject = Record<string, unknown>;

/** The OpenAPI 3.1 document of the routes; its schemas are the ones that requests are checked with. */
export function openApiDocument(routes: readonly Route[], version: string): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    const path = (paths[route.path] ??= {});
    path[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Orrery',
      version,
      description: 'Starts, shows and steers the lifecycles of machine-learning models',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    // Without a server the document is relative to wherever it was read.
    servers: [{ url: '/' }],
    security: [{}, { token: [] }],
    paths,
    components: {
      schemas: { Problem: jsonSchema(problemSchema, 'output') },
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  };
}

function operation(route: Route): JsonObject {
  return {
    operationId: route.operationId,
    summary: route.summary,
    parameters: [...parameters(route.params, 'path'), ...parameters(route.query, 'query')],
    ...(route.body === null
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: jsonSchema(route.body, 'input') } },
          },
        }),
    responses: { ...success(route), ...failures(route) },
  };
}

function success(route: Route): JsonObject {
  const content = { 'application/json': { schema: jsonSchema(route.reply, 'output') } };
  const creates = CREATES.includes(route.path);
  return {
    '2XX': {
      description:
        route.method === 'POST' && creates
          ? '201 when it was created, 200 when it was there'
          : 'Done',
      content,
    },
  };
}

function failures(route: Route): JsonObject {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set([...COMMON_CODES, ...route.codes])) {
    const status = STATUS_BY_CODE[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.join(', '),
        content: { [PROBLEM_MEDIA_TYPE]: { schema: PROBLEM_REF } },
      },
    ]),
  );
}

function parameters(schema: z.ZodType, place: 'path' | 'query'): JsonObject[] {
  const { properties = {}, required = [] } = jsonSchema(schema, 'input') as {
    properties?: Record<string, JsonObject>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, member]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: member,
  }));
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
  }) as JsonObject;
  return rest;
}
