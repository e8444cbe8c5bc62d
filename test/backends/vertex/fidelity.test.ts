/**
 * Google's client drops in silence what its protos do not know. So each request that the backend gives
 * it is held against what arrived, and against the field behaviour that the protos state.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import protobuf from 'protobufjs';

import type { VertexClients } from '../../../backends/vertex/api.ts';
import { contractIntent, pipelineIntent, tuningIntent } from '../../support/contract/harness.ts';
import { jsonOf, ROOT, V1 } from './double/protos.ts';
import type { Message } from './double/protos.ts';
import { deploy } from './harness.ts';
import { openVertex, pipelineSpec, ROOT_URI } from './opened.ts';
import type { Opened } from './opened.ts';

interface Sent {
  readonly method: string;
  readonly request: Message;
}

const TEMPLATE = 'https://templates.example/p/r/pipeline';
const JOB = { command: ['train'], version: 'succeeds', outputs: ['model.onnx'] };

describe('What the backend gives to Google’s client', () => {
  const sent: Sent[] = [];
  let opened: Opened;

  beforeAll(async () => {
    opened = await openVertex(
      { templates: { [`${TEMPLATE}/v2`]: pipelineSpec('succeeds') as Message } },
      {},
      (clients) => recorded(clients, sent),
    );
    await useAll(opened);
  });
  afterAll(() => opened.close());

  it('arrives whole: nothing is dropped on the way', () => {
    const { calls } = opened.double.wire;
    const lost = sent.flatMap(({ method, request }) => {
      const arrived = calls.filter((call) => call.method.split('.')[1] === pascal(method));
      const whole = arrived.some((call) => missing(request, call.request).length === 0);
      return whole ? [] : [`${method}: ${missing(request, arrived[0]?.request).join(', ')}`];
    });
    expect(lost).toEqual([]);
  });

  it('has every member that the protos require, and none that is output only', () => {
    const faults = sent.flatMap(({ method, request }) =>
      behaviourFaults(requestType(opened, method), request, method),
    );
    expect(faults).toEqual([]);
  });

  it('has every member that the protos require in the job inside a run', () => {
    const type = ROOT.lookupType(`${V1}.CustomJob`);
    const payloads = sent
      .filter(({ method }) => method === 'createPipelineJob')
      .map(({ request }) => jsonOf((request['pipelineJob'] as Message)['pipelineSpec']))
      .flatMap(payloadOf);
    expect(payloads.length).toBeGreaterThan(1);
    const faults = payloads.flatMap((payload) => [
      ...unknownMembers(type, payload, 'customJob'),
      ...behaviourFaults(type, payload, 'customJob'),
    ]);
    expect(faults).toEqual([]);
  });

  it('would be told: a planted misspelling, gap and answer are each seen', () => {
    const type = ROOT.lookupType(`${V1}.CreateCustomJobRequest`);
    const request = { parent: 'p', customJob: { displayName: 'x', state: 'JOB_STATE_FAILED' } };
    expect(behaviourFaults(type, request, 'r')).toEqual([
      'r.customJob.jobSpec is required',
      'r.customJob.state is output only',
    ]);
    expect(missing({ customJob: { displayNam: 'x' } }, { customJob: {} })).toEqual([
      '.customJob.displayNam',
    ]);
    expect(unknownMembers(type, { customJob: { displayNam: 'x' } }, 'r')).toHaveLength(1);
  });

  it('covers every method that the backend calls', () => {
    expect([...new Set(sent.map(({ method }) => method))].toSorted()).toEqual([
      'cancelCustomJob',
      'cancelHyperparameterTuningJob',
      'cancelPipelineJob',
      'createCustomJob',
      'createEndpoint',
      'createHyperparameterTuningJob',
      'createPipelineJob',
      'deployModel',
      'getCustomJob',
      'getEndpoint',
      'getHyperparameterTuningJob',
      'getModel',
      'getPipelineJob',
      'listCustomJobs',
      'listEndpoints',
      'listHyperparameterTuningJobs',
      'listPipelineJobs',
      'undeployModel',
      'updateEndpoint',
      'uploadModel',
    ]);
  });
});

/** Every port, with every setting that shapes a request. */
async function useAll(opened: Opened): Promise<void> {
  const same = <T>(api: T) => api;
  const ways = [
    {},
    { submit: 'custom-job', scheduling: { strategy: 'SPOT', restartJobOnWorkerRestart: true } },
    {
      launcherImage: 'launcher:2',
      scheduling: { strategy: 'FLEX_START', maxWaitSeconds: 3600, disableRetries: true },
      persistentResourceId: 'warm-pool',
      serviceAccount: 'trainer@project-of-tests.iam.gserviceaccount.com',
      network: 'projects/1/global/networks/net',
    },
  ];
  for (const [at, more] of ways.entries()) {
    const { compute, inventory } = opened.another(same, more);
    const base = contractIntent({ ...JOB, version: 'runs-long' }, `way-${at}`);
    const resources = { cpus: 12, memoryMiB: 1024 };
    const spec = { ...base.spec, checkpointScope: 'scope-1', resources };
    const { handle } = await compute.start({ ...base, spec });
    await inventory.list();
    await compute.stop(handle);
  }
  const { pipeline, tuning, serving, traffic } = opened.ports;
  opened.double.world.objects.set(
    `${ROOT_URI}/pipelines/runs-long.json`,
    Buffer.from(JSON.stringify(pipelineSpec('runs-long'))),
  );
  const runs = [
    pipelineIntent({ pipeline: 'runs-long', params: { a: 1, b: true, c: 'x' } }, 'spec'),
    pipelineIntent({ pipeline: TEMPLATE, params: {} }, 'template'),
  ];
  for (const [at, run] of runs.entries()) {
    const version = at === 0 ? null : 'v2';
    await pipeline.stop((await pipeline.start({ ...run, spec: { ...run.spec, version } })).handle);
  }
  for (const algorithm of ['grid', 'random', 'bayesian'] as const) {
    const intent = tuningIntent({ ...JOB, version: 'runs-long' }, algorithm);
    const layers = {
      name: 'layers',
      type: 'integer',
      min: 1,
      max: 9,
      scale: 'linear',
      gridPoints: 3,
    } as const;
    const space = [...intent.spec.space, layers];
    const spec = { ...intent.spec, space, algorithm, earlyStopping: 'median' as const };
    await tuning.stop((await tuning.start({ ...intent, spec })).handle);
  }
  const route = 'fraud.eu-west';
  const address = await deploy(opened, 'v1', route);
  await traffic.set({
    route,
    arms: [{ version: 'v1', address, weightPercent: 100 }],
    mirror: null,
    sticky: false,
  });
  await traffic.remove(route);
  await serving.undeploy(`${route}.v1`);
}

/** Writes down what each method of each client is given. */
function recorded(clients: VertexClients, sent: Sent[]): VertexClients {
  const watch = <Client extends object>(client: Client): Client =>
    new Proxy(client, {
      get: (target, name, receiver) => {
        const member: unknown = Reflect.get(target, name, receiver);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          const method = String(name).replace(/Async$/, '');
          if (/^(create|get|list|cancel|deploy|undeploy|update|upload)[A-Z]/.test(method)) {
            sent.push({ method, request: args[0] as Message });
          }
          return Reflect.apply(member, target, args) as unknown;
        };
      },
    });
  return {
    jobs: watch(clients.jobs),
    pipelines: watch(clients.pipelines),
    endpoints: watch(clients.endpoints),
    models: watch(clients.models),
  };
}

const pascal = (method: string) => method.charAt(0).toUpperCase() + method.slice(1);

function requestType(opened: Opened, method: string): protobuf.Type {
  const call = opened.double.wire.calls.find(
    (found) => found.method.split('.')[1] === pascal(method),
  );
  return ROOT.lookupType(call?.requestType ?? '');
}

/** Paths of what was sent and did not arrive; a default value is nothing on the wire. */
function missing(sent: unknown, arrived: unknown, path = ''): string[] {
  if (sent === undefined || sent === null || sent === '' || sent === 0 || sent === false) return [];
  if (typeof sent !== 'object') {
    return String(sent) === String(arrived) || isEnumDefault(sent, arrived) ? [] : [path];
  }
  const members = Object.entries(sent);
  return members.flatMap(([name, member]) =>
    missing(member, (arrived as Message | undefined)?.[name], `${path}.${name}`),
  );
}

/** The first value of an enum is its default, which is absent on the wire. */
function isEnumDefault(sent: unknown, arrived: unknown): boolean {
  return arrived === undefined && /_UNSPECIFIED$|^NULL_VALUE$/.test(String(sent));
}

function behaviourOf(field: protobuf.Field): readonly string[] {
  const name = '(google.api.field_behavior)';
  const parsed = (field.parsedOptions as Message[] | undefined) ?? [];
  const values = parsed.flatMap((option) => option[name] ?? []);
  return [...values, field.options?.[name]].map(String);
}

function behaviourFaults(type: protobuf.Type, sent: Message, path: string): string[] {
  return type.fieldsArray.flatMap((field) => {
    const behaviour = behaviourOf(field);
    const value = sent[field.name];
    const at = `${path}.${field.name}`;
    if (value === undefined || value === null) {
      return behaviour.includes('REQUIRED') ? [`${at} is required`] : [];
    }
    // The name of what is updated stands in a member that is otherwise for answers.
    const isName = field.name === 'name' && path.endsWith('.endpoint');
    const faults = behaviour.includes('OUTPUT_ONLY') && !isName ? [`${at} is output only`] : [];
    field.resolve();
    const inner = field.resolvedType;
    const isText = inner?.name === 'Duration' && typeof value === 'string';
    if (!(inner instanceof protobuf.Type) || field.map || isText) return faults;
    const items = (field.repeated ? value : [value]) as Message[];
    return [...faults, ...items.flatMap((item) => behaviourFaults(inner, item, at))];
  });
}

/** The custom job in a pipeline spec, of the executor or of the launcher. */
function payloadOf(spec: unknown): readonly Message[] {
  const deployment = (spec as { deploymentSpec: { executors: Record<string, Message> } } | null)
    ?.deploymentSpec;
  return Object.values(deployment?.executors ?? {}).flatMap((executor) => {
    const custom = (executor['customJob'] as Message | undefined)?.['customJob'];
    if (custom !== undefined) return [custom as Message];
    const args = ((executor['container'] as Message)['args'] ?? []) as string[];
    const payload = args[args.indexOf('--payload') + 1];
    return args.includes('--payload') ? [JSON.parse(payload ?? '') as Message] : [];
  });
}

function unknownMembers(type: protobuf.Type, json: Message, path: string): string[] {
  return Object.entries(json).flatMap(([name, value]) => {
    const field = type.fields[name];
    if (field === undefined) return [`${path}.${name}`];
    field.resolve();
    const inner = field.resolvedType;
    if (!(inner instanceof protobuf.Type) || inner.name === 'Duration') return [];
    const items = (field.repeated ? value : [value]) as Message[];
    return items.flatMap((item) => unknownMembers(inner, item, `${path}.${name}`));
  });
}
