import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';

import { backend } from '../../../backends/sagemaker/index.ts';
import type { SagemakerSettings } from '../../../backends/sagemaker/settings.ts';
import { openLayer } from './layer/server.ts';
import type { Layer } from './layer/server.ts';
import { ensureMoto } from './moto.ts';

export const REGION = 'eu-west-1';
export const BUCKET = 'orrery-test';
export const ROLE = 'arn:aws:iam::123456789012:role/orrery';
/** Seconds of the far side in one of ours: a job of minutes takes a fraction of a second. */
const SPEED = 100;

/** What moto takes for credentials; they open nothing anywhere. */
export const TEST_CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'testing',
  AWS_SECRET_ACCESS_KEY: 'testing',
  AWS_EC2_METADATA_DISABLED: 'true',
} as const;

export function useTestCredentials(): void {
  Object.assign(process.env, TEST_CREDENTIALS);
}

/** Settings that lead to a layer, or to whatever stands in front of it. */
export function settingsFor(url: string, more: object = {}): SagemakerSettings {
  return backend.settings.parse({
    aws: { region: REGION, endpoints: { sagemaker: url, s3: url } },
    roleArn: ROLE,
    store: `s3://${BUCKET}/orrery`,
    programs: { program: { image: 'test/program:1', command: ['/program'] } },
    instances: {
      source: 'price list of the test',
      asOf: '2026-11-01',
      types: [
        { type: 'ml.m5.large', cpus: 2, memoryMiB: 8_192, usdPerHour: 0.13 },
        { type: 'ml.m5.4xlarge', cpus: 16, memoryMiB: 65_536, usdPerHour: 1.04 },
      ],
    },
    serving: { image: 'test/server:1', instanceType: 'ml.m5.large' },
    pollMs: 10,
    ...more,
  });
}

/** A layer on the running moto, with the bucket of the settings. */
export async function openTestLayer(speed = SPEED): Promise<Layer> {
  useTestCredentials();
  const moto = await ensureMoto();
  const layer = await openLayer({ moto: moto.url, speed });
  const s3 = s3Client(moto.url);
  await s3
    .send(
      new CreateBucketCommand({
        Bucket: BUCKET,
        CreateBucketConfiguration: { LocationConstraint: REGION },
      }),
    )
    .catch((error: unknown) => {
      if ((error as Error).name !== 'BucketAlreadyOwnedByYou') throw error;
    });
  s3.destroy();
  return layer;
}

export function s3Client(endpoint: string): S3Client {
  return new S3Client({ region: REGION, endpoint, forcePathStyle: true });
}

export async function putText(endpoint: string, key: string, text: string): Promise<string> {
  const s3 = s3Client(endpoint);
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: text }));
  s3.destroy();
  return `s3://${BUCKET}/${key}`;
}
