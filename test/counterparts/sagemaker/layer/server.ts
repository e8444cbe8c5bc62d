/**
 * The layer: an HTTP server in front of moto that speaks AWS JSON 1.1 for SageMaker and passes
 * everything else on. It adds only what moto lacks or gets wrong: gaps.ts lists each point.
 * Where it still differs from the service: time runs as the test says, no program runs, and a layer
 * knows the lives of what was created through it alone.
 */
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { LayerClock } from './clock.ts';
import { Endpoints } from './endpoints.ts';
import { Pipelines } from './pipelines.ts';
import { ProcessingJobs } from './processing.ts';
import { Searches } from './tuning.ts';
import { TrainingJobs } from './training.ts';
import { WireError } from './wire.ts';
import type { AskMoto, OperationName } from './wire.ts';

export interface Layer {
  readonly url: string;
  readonly clock: LayerClock;
  readonly training: TrainingJobs;
  readonly processing: ProcessingJobs;
  readonly searches: Searches;
  readonly pipelines: Pipelines;
  readonly endpoints: Endpoints;
  /** Answers the next calls of an operation with an error, once each, before moto sees them. */
  failNext(operation: string, error: WireError): void;
  close(): Promise<void>;
}

type AnyHandler = (input: object, moto: AskMoto) => Promise<object>;
const JSON_TYPE = 'application/x-amz-json-1.1';
const TARGET = 'SageMaker.';
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length']);

/** @param speed seconds of the layer in one real second */
export async function openLayer(options: { moto: string; speed: number }): Promise<Layer> {
  const clock = new LayerClock(options.speed);
  const put = putObject(options.moto);
  const training = new TrainingJobs(clock, put);
  const processing = new ProcessingJobs(clock, put);
  const searches = new Searches(clock, training);
  const pipelines = new Pipelines(clock);
  const endpoints = new Endpoints(clock);
  const topics = [training, processing, searches, pipelines, endpoints];
  const handlers = Object.assign({}, ...topics.map((topic) => topic.handlers())) as Record<
    OperationName,
    AnyHandler
  >;
  const failures: { operation: string; error: WireError }[] = [];
  const writes = new Map<string, Promise<unknown>>();

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    const operation = operationOf(request.headers);
    const failing = failures.findIndex((each) => each.operation === operation);
    if (failing >= 0) return tell(response, failures.splice(failing, 1)[0]!.error);
    const handler = operation === null ? undefined : handlers[operation as OperationName];
    if (handler === undefined) {
      const pass = () => passOn(options.moto, request, body, response);
      return isConditional(request) ? inTurn(writes, request.url ?? '', pass) : pass();
    }
    const moto = askMoto(options.moto, request.headers);
    try {
      const reply = await handler(JSON.parse(body.toString() || '{}') as object, moto);
      response.writeHead(200, { 'content-type': JSON_TYPE }).end(JSON.stringify(reply));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      tell(response, error);
    }
  };
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    clock,
    training,
    processing,
    searches,
    pipelines,
    endpoints,
    failNext: (operation, error) => void failures.push({ operation, error }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function tell(response: ServerResponse, { type, message, status }: WireError): void {
  response.writeHead(status, { 'content-type': JSON_TYPE, 'x-amzn-errortype': type });
  response.end(JSON.stringify({ __type: type, message }));
}

function operationOf(headers: IncomingHttpHeaders): string | null {
  const target = headers['x-amz-target'];
  return typeof target === 'string' && target.startsWith(TARGET)
    ? target.slice(TARGET.length)
    : null;
}

function isConditional({ method, headers }: IncomingMessage): boolean {
  return method === 'PUT' && ('if-match' in headers || 'if-none-match' in headers);
}

/** moto compares and then writes; S3 does both at once, so conditional writes of a key take turns. */
async function inTurn(
  writes: Map<string, Promise<unknown>>,
  key: string,
  write: () => Promise<void>,
): Promise<void> {
  const before = writes.get(key) ?? Promise.resolve();
  const mine = before.catch(() => undefined).then(write);
  writes.set(key, mine);
  await mine;
}

/** Asks moto with the headers of a caller, which say account and region. */
function askMoto(url: string, headers: IncomingHttpHeaders): AskMoto {
  return async (operation, input) => {
    const reply = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': JSON_TYPE,
        'x-amz-target': `${TARGET}${operation}`,
        authorization: headers.authorization ?? '',
      },
      body: JSON.stringify(input),
    });
    const text = await reply.text();
    if (reply.ok) return JSON.parse(text || '{}') as object;
    const told = parsed(text);
    const type = told.__type ?? reply.headers.get('x-amzn-errortype') ?? 'InternalFailure';
    throw new WireError(type, told.message ?? told.Message ?? text.slice(0, 500), reply.status);
  };
}

function parsed(text: string): { __type?: string; message?: string; Message?: string } {
  try {
    return JSON.parse(text) as { __type?: string; message?: string };
  } catch {
    return {};
  }
}

async function passOn(
  moto: string,
  request: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET', url = '/' } = request;
  const headers = Object.entries(request.headers).filter(
    ([name]) => !HOP_BY_HOP.has(name) && name !== 'expect' && name !== 'host',
  );
  const reply = await fetch(`${moto}${url}`, {
    method,
    headers: headers as [string, string][],
    redirect: 'manual',
    ...(method === 'GET' || method === 'HEAD' ? {} : { body }),
  });
  const kept = [...reply.headers].filter(
    ([name]) => !HOP_BY_HOP.has(name) && name !== 'content-encoding',
  );
  const bytes = Buffer.from(await reply.arrayBuffer());
  const length =
    method === 'HEAD' ? (reply.headers.get('content-length') ?? '0') : String(bytes.length);
  response.writeHead(reply.status, { ...Object.fromEntries(kept), 'content-length': length });
  response.end(bytes);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Puts an object into moto's S3 as the service itself does. */
function putObject(moto: string) {
  return async (uri: string, body: string): Promise<void> => {
    const path = uri.replace(/^s3:\/\//, '');
    const reply = await fetch(`${moto}/${path}`, {
      method: 'PUT',
      body,
      headers: { authorization: S3_CALLER },
    });
    if (!reply.ok) throw new Error(`Cannot put ${uri}: moto answers ${reply.status}`);
    await reply.arrayBuffer();
  };
}

const S3_CALLER =
  'AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0';
