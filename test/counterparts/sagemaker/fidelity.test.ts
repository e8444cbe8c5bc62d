import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SageMakerClient } from '@aws-sdk/client-sagemaker';

import { freshName } from '../../support/contract/harness.ts';
import { openTestLayer, REGION } from './far-side.ts';
import { GAPS } from './layer/gaps.ts';
import type { Layer } from './layer/server.ts';
import { ensureMoto } from './moto.ts';

const clientOf = (endpoint: string) =>
  new SageMakerClient({ region: REGION, endpoint, maxAttempts: 1 });

describe('The layer before moto', () => {
  const probed = GAPS.filter(({ probe }) => probe !== null);
  let layer: Layer;
  let client: SageMakerClient;
  let layered: SageMakerClient;
  beforeAll(async () => {
    // In real time, so that nothing is over at once.
    layer = await openTestLayer(1);
    client = clientOf((await ensureMoto()).url);
    layered = clientOf(layer.url);
  });
  afterAll(async () => {
    client.destroy();
    layered.destroy();
    await layer.close();
  });

  it.each(probed)('fills the gap of $operation', async ({ probe }) => {
    const pass = (seconds: number) => layer.clock.advance(seconds);
    expect(await probe!({ client: layered, fresh: freshName, pass })).toBe(false);
  });

  it.each(probed)('is still needed for $operation: bare moto – $gap', async ({ probe }) => {
    expect(await probe!({ client, fresh: freshName, pass: () => undefined })).toBe(true);
  });

  it.each(GAPS)('follows a document for $operation, in $filledBy', ({ document, filledBy }) => {
    expect(document).toMatch(/^https:\/\/docs\.aws\.amazon\.com\/.+\.html$/);
    expect(existsSync(join(import.meta.dirname, 'layer', filledBy))).toBe(true);
  });
});
