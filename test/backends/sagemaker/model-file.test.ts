import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';

import { modelFileFault } from '../../../backends/sagemaker/model-file.ts';
import { readTinyModel, writeTinyModels } from '../../support/tiny-models.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

describe('modelFileFault', () => {
  it('finds nothing wrong with a real ONNX file, and each shorter part of it too short', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'orrery-model-'));
    await writeTinyModels(folder);
    const bytes = new Uint8Array(await readTinyModel(folder, 'logistic'));
    await rm(folder, { recursive: true });
    expect(modelFileFault(bytes)).toBeNull();
    for (const share of [0.1, 0.5, 0.9, 0.99]) {
      const part = bytes.slice(0, Math.floor(bytes.length * share));
      expect(modelFileFault(part)).not.toBeNull();
    }
  });

  it('finds a damaged archive', () => {
    const bytes = new Uint8Array(gzipSync('weights '.repeat(1000)));
    expect(modelFileFault(bytes)).toBeNull();
    expect(modelFileFault(bytes.slice(0, -9))).toMatch(/gzip/);
  });

  it.each([
    ['nothing', ''],
    ['a web page', '<html><body>not found</body></html>'],
    ['a table', 'id,label\n1,0\n'],
  ])('takes %s for no model', (_, text) => {
    expect(modelFileFault(new TextEncoder().encode(text))).not.toBeNull();
  });
});
