import { describe, expect, it } from '@jest/globals';

import { createWorld, type World } from '../../backends/sim/world.ts';
import type { ArtifactRef } from '../../core/ports/artifacts.ts';
import { evaluateScores } from '../../kernels/release/evaluate-scores.ts';
import { attemptOf, runToEnd, trainSpec } from './job-spec.ts';

type Refs = Readonly<Record<string, ArtifactRef>>;

async function prepare(world: World): Promise<Refs> {
  const data = await world.ports.artifacts.import('sim://data');
  const spec = trainSpec({
    kind: 'prepare',
    inputs: { 'data.csv': data },
    outputs: ['train.csv', 'heldout.csv'],
    params: { label: 'is_fraud' },
  });
  return (await runToEnd(world, attemptOf(spec, 1))).outputs;
}

async function scoresOf(world: World, version: string, prepared: Refs): Promise<Uint8Array> {
  const labels = { model: 'fraud', version, workflowId: `training/fraud/${version}` };
  const train = trainSpec({ labels, inputs: { 'train.csv': prepared['train.csv']! } });
  const trained = await runToEnd(world, attemptOf(train, 1));
  const score = trainSpec({
    kind: 'score',
    labels,
    inputs: {
      'model.onnx': trained.outputs['model.onnx']!,
      'heldout.csv': prepared['heldout.csv']!,
    },
    outputs: ['scores.csv'],
  });
  const scored = await runToEnd(world, attemptOf(score, 1));
  return world.ports.artifacts.read(scored.outputs['scores.csv']!);
}

const script = {
  files: { data: { rows: 1000, label: 'is_fraud' } },
  versions: { poor: { quality: 0.5 }, good: { quality: 3 } },
};

describe('runProgram', () => {
  it('makes scores that the evaluation tells apart by their scripted quality', async () => {
    const world = createWorld(script);
    const prepared = await prepare(world);
    const result = evaluateScores({
      candidate: await scoresOf(world, 'good', prepared),
      champion: await scoresOf(world, 'poor', prepared),
      confidence: 0.95,
      resamples: 200,
      seed: 1,
    });
    expect(result).toMatchObject({ rows: 2000, positives: 60 });
    expect(result.candidate.low).toBeGreaterThan(0.3);
    expect(result.difference?.low).toBeGreaterThan(0.2);
  });

  it('makes the same bytes from the same seed, and others from another', async () => {
    const scoresWith = async (seed: number) => {
      const world = createWorld({ ...script, seed });
      return Buffer.from(await scoresOf(world, 'good', await prepare(world))).toString();
    };
    expect(await scoresWith(1)).toBe(await scoresWith(1));
    expect(await scoresWith(2)).not.toBe(await scoresWith(1));
  });

  it('refuses to score what is no model file with exit code 64', async () => {
    const world = createWorld(script);
    const prepared = await prepare(world);
    const inputs = {
      'model.onnx': await world.ports.artifacts.put(new TextEncoder().encode('nonsense')),
      'heldout.csv': prepared['heldout.csv']!,
    };
    const spec = trainSpec({ kind: 'score', inputs, outputs: ['scores.csv'] });
    const reading = await runToEnd(world, attemptOf(spec, 1));
    expect(reading).toMatchObject({ phase: 'failed', exit: { code: 64 } });
    expect(reading.reason).toMatch('model.onnx is no model file');
  });
});
