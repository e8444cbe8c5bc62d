import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CreateModelCommand,
  ListModelPackagesCommand,
  SageMakerClient,
  UpdateModelPackageCommand,
} from '@aws-sdk/client-sagemaker';

import { backend } from '../../../backends/sagemaker/index.ts';
import { endpointName, variantName, versionOf } from '../../../backends/sagemaker/variants.ts';
import type { OpenBackend } from '../../../core/backend.ts';
import type { RouteSpec } from '../../../core/ports/traffic.ts';
import { expectCode, freshName } from '../../support/contract/harness.ts';
import { openTestLayer, REGION, ROLE, settingsFor } from './far-side.ts';
import type { Layer } from './layer/server.ts';

describe('Endpoints and registry of SageMaker', () => {
  let layer: Layer;
  let open: OpenBackend;
  let client: SageMakerClient;
  const traffic = () => open.ports.traffic!;
  beforeAll(async () => {
    layer = await openTestLayer();
    open = await backend.open(settingsFor(layer.url));
    client = new SageMakerClient({ region: REGION, endpoint: layer.url });
  });
  afterAll(async () => {
    client.destroy();
    await open.close();
    await layer.close();
  });

  const freshRoute = () => `${freshName('r').slice(0, 40)}.eu-west`;
  const modelNamed = async (prefix: string) => {
    const name = freshName(prefix);
    await client.send(
      new CreateModelCommand({
        ModelName: name,
        ExecutionRoleArn: ROLE,
        PrimaryContainer: { Image: 'test/server:1' },
      }),
    );
    return `sagemaker://${name}`;
  };
  const arm = (version: string, address: string, weightPercent: number) => ({
    version,
    address,
    weightPercent,
  });
  const routeOf = (route: string, arms: RouteSpec['arms']): RouteSpec => ({
    route,
    arms,
    mirror: null,
    sticky: false,
  });

  it('shift weights without a new configuration', async () => {
    const route = freshRoute();
    const [one, two] = [await modelNamed('one'), await modelNamed('two')];
    await traffic().set(routeOf(route, [arm('v1', one, 90), arm('v2', two, 10)]));
    const before = { ...layer.endpoints.changes };
    await traffic().set(routeOf(route, [arm('v1', one, 50), arm('v2', two, 50)]));
    expect(layer.endpoints.changes).toEqual({ ...before, weights: before.weights + 1 });
  });

  it('keep the old variants when the new one does not become healthy', async () => {
    const route = freshRoute();
    const [good, bad] = [await modelNamed('good'), await modelNamed('broken')];
    const before = await traffic().set(routeOf(route, [arm('v1', good, 100)]));
    const spoilt = routeOf(route, [arm('v1', good, 90), arm('v2', bad, 10)]);
    await expectCode(traffic().set(spoilt), 'PROXY_REFUSED');
    expect(await traffic().read(route)).toEqual(before);
  });

  it('that need a person say so', async () => {
    const route = freshRoute();
    const spec = routeOf(route, [arm('v1', await modelNamed('broken'), 100)]);
    const error: unknown = await traffic()
      .set(spec)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'PROXY_REFUSED',
      message: expect.stringMatching(/is Failed .*ping health check.*a person must/),
    });
    await traffic().remove(route);
    expect(await traffic().read(route)).toBeNull();
  });

  it('that two callers change at once end in the weights of one of them', async () => {
    const route = freshRoute();
    const [one, two] = [await modelNamed('one'), await modelNamed('two')];
    const split = (weight: number) =>
      routeOf(route, [arm('v1', one, 100 - weight), arm('v2', two, weight)]);
    await traffic().set(split(0));
    const outcomes = await Promise.allSettled([traffic().set(split(20)), traffic().set(split(80))]);
    expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(true);
    const weights = (await traffic().read(route))!.arms.map(({ weightPercent }) => weightPercent);
    expect([
      [80, 20],
      [20, 80],
    ]).toContainEqual(weights);
  });

  it('shadow one variant beside one that has all traffic, and nothing else', async () => {
    const route = freshRoute();
    const [one, two] = [await modelNamed('one'), await modelNamed('two')];
    const mirror = { version: 'v2', address: two, percent: 40 };
    const arms = [arm('v1', one, 100), arm('v2', two, 0)];
    const reading = await traffic().set({ ...routeOf(route, arms), mirror });
    expect(reading.arms).toEqual([arm('v1', one, 100)]);
    expect(reading.mirror).toEqual({ version: 'v2', percent: 40 });
    const halves = [arm('v1', one, 50), arm('v2', two, 50)];
    const both = traffic().set({ ...routeOf(route, halves), mirror });
    await expectCode(both, 'OPERATION_UNSUPPORTED');
  });

  it('change the number of machines with the settings', async () => {
    const route = freshRoute();
    const spec = routeOf(route, [arm('v1', await modelNamed('one'), 100)]);
    await traffic().set(spec);
    const serving = { image: 'test/server:1', instanceType: 'ml.m5.large', instanceCount: 3 };
    const larger = await backend.open(settingsFor(layer.url, { serving }));
    await larger.ports.traffic!.set(spec);
    await larger.close();
    const { weights } = layer.endpoints.endpoints.get(endpointName(route))!;
    expect([...weights.values()]).toEqual([{ weight: 100, instances: 3 }]);
  });

  it.each(['v1', 'v1.2.3', '1_0', 'a-b', 'x-', 'x--', '2026.11.24-rc_1'])(
    'name the version %s in a way that leads back to it',
    (version) => {
      expect(variantName(version)).toMatch(/^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$/);
      expect(versionOf(variantName(version))).toBe(version);
    },
  );

  it('approve the package of a champion, and make none of what somebody rejected', async () => {
    const models = open.ports.models!;
    const model = freshName('m').slice(0, 40);
    const ref = (digit: string) => ({ uri: 'any', sha256: digit.repeat(64), bytes: 1 });
    for (const version of ['v1', 'v2']) {
      await models.register({
        model,
        version,
        author: 'ada',
        modelRef: ref('a'),
        reportRef: ref('b'),
        envelopeRef: ref('c'),
        workflowId: `lifecycle/${model}/${version}`,
      });
    }
    const packages = async () => {
      const group = `orrery-${model}`;
      const command = new ListModelPackagesCommand({ ModelPackageGroupName: group });
      const { ModelPackageSummaryList: list = [] } = await client.send(command);
      return new Map(list.map((each) => [each.ModelPackageDescription, each]));
    };
    const change = (expectedGeneration: number, champion: string) =>
      models.changeFact({
        model,
        region: 'eu-west',
        expectedGeneration,
        next: { champion, previous: null, challenger: null },
      });
    expect((await packages()).get('version v1')?.ModelApprovalStatus).toBe('PendingManualApproval');
    await change(0, 'v1');
    const told = await packages();
    expect(told.get('version v1')?.ModelApprovalStatus).toBe('Approved');
    await client.send(
      new UpdateModelPackageCommand({
        ModelPackageArn: told.get('version v2')!.ModelPackageArn,
        ModelApprovalStatus: 'Rejected',
      }),
    );
    await expectCode(change(1, 'v2'), 'APPROVAL_REJECTED');
    expect((await models.fact(model, 'eu-west')).champion).toBe('v1');
  });
});
