import { describe, expect, it } from '@jest/globals';

import { percentsOf } from '../../../backends/kubeflow/kserve/route-content.ts';
import {
  armName,
  hostOf,
  parseAddress,
  routeObject,
  versionObject,
} from '../../../backends/kubeflow/kserve/names.ts';
import {
  at,
  checkVersion,
  chooseSplit,
  versionOf,
} from '../../../backends/kubeflow/kserve/platform.ts';
import { locate } from '../../../backends/kubeflow/kserve/release.ts';
import { callersAddress } from '../../../backends/kubeflow/kserve/route-services.ts';
import { checkOneService } from '../../../backends/kubeflow/kserve/route-shares.ts';
import { checkRoute } from '../../../backends/kubeflow/kserve/route-spec.ts';
import { kserveSettings } from '../../../backends/kubeflow/kserve/settings.ts';
import { OrreryError } from '../../../core/errors.ts';
import type { RouteSpec } from '../../../core/ports/traffic.ts';

function codeOf(call: () => unknown): string {
  try {
    call();
    return 'none';
  } catch (error) {
    return error instanceof OrreryError ? error.code : String(error);
  }
}

describe('checkVersion', () => {
  it.each(['0.16.1', '0.20.0', '0.9.0'])('refuses KServe %s', (version) => {
    expect(codeOf(() => checkVersion(version))).toBe('VERSION_UNSUPPORTED');
  });
  it.each(['0.17.0', '0.19.2', '0.20.1', '0.21.0', '1.0.0'])('takes KServe %s', (version) => {
    expect(codeOf(() => checkVersion(version))).toBe('none');
  });
  it('says why 0.20.0 is refused and what to install', () => {
    expect(() => checkVersion('0.20.0')).toThrow(/spec\.canary.*#5983.*0\.20\.1 and later/);
  });
});

describe('versionOf', () => {
  const deployed = (image: string, label?: string) =>
    ({
      metadata: { labels: label === undefined ? {} : { 'app.kubernetes.io/version': label } },
      spec: { template: { spec: { containers: [{ name: 'manager', image }] } } },
    }) as unknown as Parameters<typeof versionOf>[0];

  it.each([
    ['the tag', 'kserve/kserve-controller:v0.20.1', undefined, '0.20.1'],
    ['the tag before a digest', 'r.example:5000/kserve:v0.19.0@sha256:ab', undefined, '0.19.0'],
    ['the label, where the image has a digest alone', 'kserve@sha256:ab', 'v0.17.0', '0.17.0'],
    ['nothing, where neither says it', 'r.example:5000/kserve:latest', undefined, null],
  ])('reads %s', (_, image, label, version) => {
    expect(versionOf(deployed(image, label))).toBe(version);
  });
});

describe('chooseSplit', () => {
  it('takes canaries where the served schema has them, and HTTPRoutes elsewhere', () => {
    expect(chooseSplit({ split: 'auto' }, true)).toBe('canaries');
    expect(chooseSplit({ split: 'auto' }, false)).toBe('http-route');
  });
  it('takes what is asked for, and never guesses Knative', () => {
    expect(chooseSplit({ split: 'revisions' }, true)).toBe('revisions');
    expect(chooseSplit({ split: 'http-route' }, true)).toBe('http-route');
  });
  it('refuses canaries where the served schema has none', () => {
    expect(codeOf(() => chooseSplit({ split: 'canaries' }, false))).toBe('VERSION_UNSUPPORTED');
  });
});

describe('at', () => {
  it('finds members through lists, and tells what is not there', () => {
    const schema = { properties: { rules: { items: { properties: { percent: {} } } } } };
    expect(at(schema, 'rules', 'percent')).toEqual({});
    expect(at(schema, 'rules', 'fraction')).toBeNull();
    expect(at(null, 'rules')).toBeNull();
  });
});

describe('locate', () => {
  const stores = [
    { uri: 's3://models/', readFrom: 'http://127.0.0.1:9000/models/' },
    { uri: 's3://models/private/', pullFrom: 'pvc://models/' },
  ];
  it('takes the longest beginning, and leaves alone what is not set', () => {
    expect(locate({ stores }, 's3://models/a/b')).toEqual({
      readFrom: 'http://127.0.0.1:9000/models/a/b',
      pullFrom: 's3://models/a/b',
    });
    expect(locate({ stores }, 's3://models/private/b')).toEqual({
      readFrom: 's3://models/private/b',
      pullFrom: 'pvc://models/b',
    });
    expect(locate({ stores }, 'file:///x')).toEqual({
      readFrom: 'file:///x',
      pullFrom: 'file:///x',
    });
  });
});

describe('names of objects', () => {
  it('leave room for the host that KServe makes of them', () => {
    for (const namespace of ['ml', 'n'.repeat(30), 'n'.repeat(40)]) {
      const name = versionObject('fraud-detection-of-cards.eu-west.2026.11.24_final', namespace);
      expect(`${name}-predictor-${namespace}`.length).toBeLessThanOrEqual(63);
      expect(name).toMatch(/^[a-z]([-a-z0-9]*[a-z0-9])?$/);
    }
    expect(codeOf(() => routeObject('a.b', 'n'.repeat(45)))).toBe('SETTINGS_INVALID');
  });
  it('leave room for the host of a canary, and differ where their texts differ', () => {
    const arm = armName('fraud.eu-west.2026.11.24', '2026.11.24');
    for (const namespace of ['ml', 'n'.repeat(28)]) {
      const service = routeObject('fraud.eu-west', namespace);
      expect(`${service}-${arm}-predictor-${namespace}`.length).toBeLessThanOrEqual(63);
    }
    expect(armName('fraud.eu-west.v1', 'v1')).not.toBe(armName('fraud.us-east.v1', 'v1'));
    expect(versionObject('a.b', 'ml')).not.toBe(versionObject('a-b', 'ml'));
  });
  it('make a host of a route, though a part is no DNS label', () => {
    expect(hostOf('fraud.eu-west', 'x.org')).toBe('fraud.eu-west.x.org');
    expect(hostOf('fraud-.eu', 'x.org')).toMatch(/^fraud-[0-9a-f]{10}\.eu\.x\.org$/);
  });
});

describe('checkRoute', () => {
  const spec = (changes: Partial<RouteSpec> = {}): RouteSpec => ({
    route: 'fraud.eu',
    arms: [
      { version: 'v1', address: 'isvc://ml/m-1', weightPercent: 90 },
      { version: 'v2', address: 'isvc://ml/m-2', weightPercent: 10 },
    ],
    mirror: null,
    sticky: false,
    ...changes,
  });
  const arm = (version: string, address: string, weightPercent: number) => ({
    version,
    address,
    weightPercent,
  });

  it('takes addresses apart', () => {
    expect(checkRoute(spec(), 'ml').arms[1]).toEqual({
      namespace: 'ml',
      service: 'm-2',
      arm: null,
      version: 'v2',
      percent: 10,
    });
    expect(parseAddress('r', 'v', 'isvc://ml/r-1#v-2').arm).toBe('v-2');
  });

  it.each([
    ['a route of one part', { route: 'fraud' }, 'REQUEST_INVALID'],
    ['an address of another kind', { arms: [arm('v1', '10.0.0.1:80', 100)] }, 'REQUEST_INVALID'],
    ['another namespace', { arms: [arm('v1', 'isvc://other/m', 100)] }, 'REQUEST_INVALID'],
    [
      'a version twice',
      { arms: [arm('v1', 'isvc://ml/m', 50), arm('v1', 'isvc://ml/n', 50)] },
      'WEIGHT_INVALID',
    ],
    [
      'a mirror of 101 %',
      { mirror: { version: 'v2', address: 'isvc://ml/m', percent: 101 } },
      'WEIGHT_INVALID',
    ],
    ['stickiness', { sticky: true }, 'OPERATION_UNSUPPORTED'],
  ] as const)('refuses %s', (_, changes, code) => {
    expect(codeOf(() => checkRoute(spec(changes), 'ml'))).toBe(code);
  });

  it('refuses a mirror and strange servers for a route that is one InferenceService', () => {
    const own = routeObject('fraud.eu', 'ml');
    const arms = [arm('v1', `isvc://ml/${own}#v-1`, 100)];
    expect([...checkOneService(spec({ arms }), 'ml')]).toEqual([['v-1', 100]]);
    const mirror = { version: 'v1', address: `isvc://ml/${own}#v-1`, percent: 5 };
    expect(codeOf(() => checkOneService(spec({ arms, mirror }), 'ml'))).toBe(
      'OPERATION_UNSUPPORTED',
    );
    expect(codeOf(() => checkOneService(spec(), 'ml'))).toBe('REQUEST_INVALID');
  });
});

describe('percentsOf', () => {
  it('takes weights as relative, 1 when absent, and gives nothing of nothing', () => {
    const percents = (...weights: (number | undefined)[]) =>
      percentsOf(
        weights.map((weight) => ({ name: 'm', ...(weight === undefined ? {} : { weight }) })),
      ).map(({ percent }) => percent);
    expect(percents(90, 10)).toEqual([90, 10]);
    expect(percents(undefined)).toEqual([100]);
    expect(percents(1, 3)).toEqual([25, 75]);
    expect(percents(0, 0)).toEqual([0, 0]);
  });
});

describe('callersAddress', () => {
  it.each([
    ['http://m.ml.example.com', 'http://m.ml.example.com:80'],
    ['https://m.ml.example.com', 'https://m.ml.example.com:443'],
    ['http://m.ml.example.com:8080/serving/ml/m', 'http://m.ml.example.com:8080/serving/ml/m'],
  ])('gives %s its port', (url, address) => {
    expect(callersAddress(url)).toBe(address);
  });
});

describe('kserveSettings', () => {
  const least = { trustedKeys: ['/etc/orrery/signer.pub.pem'] };
  it('has defaults for all but the trusted keys', () => {
    expect(kserveSettings.parse(least)).toMatchObject({
      split: 'auto',
      replicas: 1,
      modelFormat: { name: 'onnx', version: '1' },
      controller: { namespace: 'kserve', deployment: 'kserve-controller-manager' },
    });
    expect(kserveSettings.safeParse({}).success).toBe(false);
  });
  it.each([
    ['a relative key', { trustedKeys: ['signer.pem'] }],
    ['an unknown member', { ...least, canary: true }],
    ['a store without a scheme', { ...least, stores: [{ uri: '/models' }] }],
    [
      'a store read by a scheme that we cannot read',
      { ...least, stores: [{ uri: 's3://m/', readFrom: 's3://m/' }] },
    ],
    ['no servers', { ...least, replicas: 0 }],
  ])('refuses %s', (_, value) => {
    expect(kserveSettings.safeParse(value).success).toBe(false);
  });
});
