import { describe, expect, it } from '@jest/globals';

import { awsError, isMissing, isNamed } from '../../../backends/connections/aws/errors.ts';
import { sagemakerSettings } from '../../../backends/sagemaker/settings.ts';
import { ERRORS, OrreryError } from '../../../core/errors.ts';
import type { ErrorCode } from '../../../core/errors.ts';

/** What the SDK throws: a name, the reply's status, sometimes a code of Node. */
const thrown = (name: string, more: object = {}) =>
  Object.assign(new Error('its own text'), { name, ...more });
const status = (httpStatusCode: number) => ({ $metadata: { httpStatusCode } });

describe('awsError', () => {
  it.each<[string, Error, ErrorCode, boolean]>([
    ['ExpiredToken', thrown('ExpiredToken', status(400)), 'CREDENTIALS_INVALID', false],
    ['InvalidClientTokenId', thrown('InvalidClientTokenId'), 'CREDENTIALS_INVALID', false],
    ['CredentialsProviderError', thrown('CredentialsProviderError'), 'CREDENTIALS_INVALID', false],
    ['AccessDenied', thrown('AccessDenied', status(403)), 'ACCESS_DENIED', false],
    ['ResourceLimitExceeded', thrown('ResourceLimitExceeded'), 'QUOTA_EXCEEDED', false],
    ['InsufficientCapacity', thrown('InsufficientCapacity'), 'CAPACITY_MISSING', false],
    ['ValidationException', thrown('ValidationException'), 'SPEC_REJECTED', false],
    [
      'ThrottlingException',
      thrown('ThrottlingException', status(400)),
      'BACKEND_UNAVAILABLE',
      true,
    ],
    ['SlowDown', thrown('SlowDown', status(503)), 'BACKEND_UNAVAILABLE', true],
    ['TimeoutError', thrown('TimeoutError'), 'BACKEND_UNAVAILABLE', true],
    ['an unknown name with 502', thrown('Strange', status(502)), 'BACKEND_UNAVAILABLE', true],
    ['an unknown name with 429', thrown('Strange', status(429)), 'BACKEND_UNAVAILABLE', true],
    ['an unknown name with 400', thrown('Strange', status(400)), 'SPEC_REJECTED', false],
    ['ECONNRESET', thrown('Error', { code: 'ECONNRESET' }), 'BACKEND_UNAVAILABLE', true],
    ['ENOTFOUND', thrown('Error', { code: 'ENOTFOUND' }), 'BACKEND_UNAVAILABLE', true],
    [
      'hosts that all refuse',
      Object.assign(new Error(''), { errors: [{ code: 'ECONNREFUSED', message: 'refused' }] }),
      'BACKEND_UNAVAILABLE',
      true,
    ],
    ['SyntaxError on HTML', thrown('SyntaxError', status(200)), 'REPLY_MALFORMED', true],
    ['something else', thrown('TypeError'), 'INTERNAL', true],
  ])('tells %s by its code and keeps text and cause', (_, error, code, retryable) => {
    const told = awsError(error, 'start it');
    expect(told.code).toBe(code);
    expect(ERRORS[told.code].retryable).toBe(retryable);
    expect(told.message).toMatch(/^Cannot start it: (its own text|refused)/);
    expect(told.cause).toBe(error);
  });

  it('leaves an error of the catalogue as it is', () => {
    const error = new OrreryError('NAME_TAKEN', 'taken');
    expect(awsError(error, 'start it')).toBe(error);
  });

  it('is asked about by name and by what is missing, translated or not', () => {
    const missing = thrown('ValidationException', { message: 'Could not find training job "x"' });
    expect(isMissing(missing)).toBe(true);
    expect(isMissing(awsError(missing, 'read it'))).toBe(true);
    expect(isMissing(thrown('ValidationException'))).toBe(false);
    expect(isNamed(awsError(thrown('ResourceInUse'), 'start it'), 'ResourceInUse')).toBe(true);
  });
});

describe('The settings of sagemaker', () => {
  const least = {
    aws: { region: 'eu-west-1' },
    roleArn: 'arn:aws:iam::123456789012:role/orrery',
    store: 's3://bucket/orrery',
    programs: {},
    instances: {
      source: 'a list',
      asOf: '2026-11-01',
      types: [{ type: 'ml.m5.large', cpus: 2, memoryMiB: 8192, usdPerHour: 0.13 }],
    },
  };

  it('have defaults for what may be left out', () => {
    expect(sagemakerSettings.parse(least)).toMatchObject({
      aws: { attemptsMax: 3, timeoutMs: 30_000, endpoints: {} },
      instanceCount: 1,
      keepAliveSeconds: 0,
      pollMs: 5_000,
      endedHours: 24,
    });
  });

  it.each(['us-east-1', 'cn-north-1', 'us-gov-west-1', 'eusc-de-east-1', 'us-isob-east-1'])(
    'take the region %s',
    (region) => {
      expect(sagemakerSettings.parse({ ...least, aws: { region } }).aws.region).toBe(region);
    },
  );

  it.each([
    ['an unknown member', { colour: 'red' }, /colour/],
    ['a region of no partition', { aws: { region: 'mars-1' } }, /aws\.region/],
    ['a proxy that is no address', { aws: { region: 'eu-west-1', proxy: 'x' } }, /aws\.proxy/],
    ['a store outside of S3', { store: '/tmp' }, /store: wanted s3:/],
    ['a role that is none', { roleArn: 'admin' }, /roleArn/],
    ['no machine', { instances: { ...least.instances, types: [] } }, /instances\.types/],
    ['a warm pool with spot', { keepAliveSeconds: 60, spot: { waitSecondsMax: 1 } }, /warm pool/],
  ])('refuse %s', (_, more, told) => {
    const parse = () => sagemakerSettings.parse({ ...least, ...more });
    expect(parse).toThrow(OrreryError);
    expect(parse).toThrow(told);
  });
});
