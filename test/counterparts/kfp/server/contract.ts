/** KFP's published API as a layer that looks at every request and every reply: see contract.py. */
import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';

type Schema = Readonly<Record<string, unknown>>;
interface Call {
  readonly method: string;
  /** `/apis/v2beta1/runs/{run_id}:terminate` */
  readonly path: string;
  readonly query: readonly string[];
  readonly form: readonly string[];
  readonly body: Schema | null;
  readonly reply: Schema;
}
interface Document {
  readonly version: string;
  readonly definitions: Schema;
  readonly calls: readonly Call[];
}

interface CompiledCall extends Call {
  readonly pattern: RegExp;
  readonly isBody: ValidateFunction | null;
  readonly isReply: ValidateFunction;
}

export interface Contract {
  /** Version of the client that it was read from. */
  readonly version: string;
  /** What is wrong with a request; empty when nothing is. */
  request(method: string, url: URL, body: unknown): readonly string[];
  /** What is wrong with a reply of status 200. */
  reply(method: string, url: URL, body: unknown): readonly string[];
  readonly calls: readonly Pick<Call, 'method' | 'path'>[];
}

export function readContract(path: string): Contract {
  const document = JSON.parse(readFileSync(path, 'utf8')) as Document;
  const ajv = new Ajv({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema({ $id: 'kfp', definitions: document.definitions });
  const compile = (schema: Schema) => ajv.compile(JSON.parse(absolute(schema)));
  const calls: readonly CompiledCall[] = document.calls.map((call) => ({
    ...call,
    pattern: patternOf(call.path),
    isBody: call.body === null ? null : compile(call.body),
    isReply: compile(call.reply),
  }));
  const callOf = (method: string, { pathname }: URL) =>
    calls
      .filter((call) => call.method === method && call.pattern.test(pathname))
      // `pipelines/upload_version` also looks like `pipelines/{pipeline_id}`.
      .toSorted((a, b) => a.path.split('{').length - b.path.split('{').length)[0];
  return {
    version: document.version,
    calls,
    request: (method, url, body) => {
      const call = callOf(method, url);
      if (call === undefined) return [`the API has no ${method} ${url.pathname}`];
      const strange = [...url.searchParams.keys()].filter((name) => !call.query.includes(name));
      const wrong = call.isBody === null || call.isBody(body) ? [] : told(call.isBody);
      return [...strange.map((name) => `${call.path} has no parameter ${name}`), ...wrong];
    },
    reply: (method, url, body) => {
      const call = callOf(method, url);
      return call === undefined || call.isReply(body) ? [] : told(call.isReply);
    },
  };
}

/** A member is encoded by the client, so a slash ends it; a colon begins an action. */
function patternOf(path: string): RegExp {
  const escaped = path.replace(/[.]/g, '\\.').replace(/\{[^}]+\}/g, '[^/:]+');
  return new RegExp(`^${escaped}$`);
}

function absolute(schema: Schema): string {
  return JSON.stringify(schema).replaceAll('#/definitions/', 'kfp#/definitions/');
}

function told(check: ValidateFunction): readonly string[] {
  return (check.errors ?? []).map(
    ({ instancePath, message, params }) =>
      `${instancePath || 'the body'} ${message} ${JSON.stringify(params)}`,
  );
}
