import type { Client } from '@temporalio/client';
import type { z } from 'zod';
import type { ErrorCode } from '../../core/errors.ts';

/** A checked request. */
export interface Call<Params, Query, Body> {
  readonly client: Client;
  /** The subject of the token; null on loopback. */
  readonly caller: string | null;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

/**
 * One route: what it takes and answers, and the operation behind it. The server and the OpenAPI
 * document are both made from it, so they cannot differ.
 */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** As OpenAPI writes it, with `{name}` for parameters. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly params: z.ZodType;
  readonly query: z.ZodType;
  /** Null when the route takes no body. */
  readonly body: z.ZodType | null;
  readonly reply: z.ZodType;
  /** What can go wrong beyond REQUEST_INVALID, FORBIDDEN and ENGINE_UNREACHABLE. */
  readonly codes: readonly ErrorCode[];
  readonly run: (call: Call<never, never, never>) => Promise<Answer>;
}
export interface Answer {
  readonly status: 200 | 201 | 202;
  readonly value: unknown;
}

interface RouteDefinition<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType | null,
> extends Omit<Route, 'params' | 'query' | 'body' | 'run'> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly run: (
    call: Call<
      z.output<Params>,
      z.output<Query>,
      Body extends z.ZodType ? z.output<Body> : undefined
    >,
  ) => Promise<Answer>;
}

/** Ties the types of the schemas to those that `run` gets. */
export function route<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType | null,
>(definition: RouteDefinition<Params, Query, Body>): Route {
  return definition as unknown as Route;
}

export async function ok(value: Promise<unknown>): Promise<Answer> {
  return { status: 200, value: await value };
}
export async function accepted(value: Promise<unknown>): Promise<Answer> {
  return { status: 202, value: await value };
}
