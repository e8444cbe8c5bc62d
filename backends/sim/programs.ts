import { sha256Hex } from '../../core/canonical.ts';
import type { JobSpec } from '../../core/ports/compute.ts';
import { METRICS_FILE } from '../../core/tuning/metrics.ts';
import type { SimStore } from './artifacts.ts';
import { metricsAt } from './objective.ts';
import { createRandom } from './random.ts';
import { versionOf, type FullScript } from './settings.ts';
import { drawTable, labelsOf } from './tables.ts';

/** What the model files of this world hold. */
export interface SimModel {
  readonly model: string;
  readonly version: string;
  /** See `quality` in settings.ts. */
  readonly quality: number;
}

export type ProgramResult =
  | { readonly outputs: Readonly<Record<string, Uint8Array>> }
  /** Why the program refuses its input: exit code 64. */
  | { readonly rejects: string };

const text = new TextEncoder();
const TRAIN_ROWS = 500;

/** The bytes of a model file that this world can score with and serve. */
export function encodeModel(model: SimModel): Uint8Array {
  return text.encode(`${JSON.stringify({ format: 'sim-model', ...model })}\n`);
}

/** Null for bytes that are no model file of this world, a truncated one included. */
export function decodeModel(bytes: Uint8Array): SimModel | null {
  const content = new TextDecoder().decode(bytes);
  if (!content.startsWith('{"format":"sim-model"') || !content.endsWith('}\n')) return null;
  return JSON.parse(content) as SimModel;
}

/** Runs the program of a job: a pure function of the seed, the spec and the inputs. */
export function runProgram(spec: JobSpec, store: SimStore, script: FullScript): ProgramResult {
  const made = make(spec, store, script);
  if ('rejects' in made) return made;
  const known: Readonly<Record<string, Uint8Array>> = {
    [METRICS_FILE]: text.encode(JSON.stringify(metricsAt(script, spec.params, 1))),
    ...made.outputs,
  };
  // A declared output that no program of this world knows gets bytes that name it.
  const outputs = spec.outputs.map(
    (name) => [name, known[name] ?? text.encode(`${name}\n`)] as const,
  );
  return { outputs: Object.fromEntries(outputs) };
}

function make(spec: JobSpec, store: SimStore, script: FullScript): ProgramResult {
  switch (spec.kind) {
    case 'prepare':
      return { outputs: prepare(spec, script) };
    case 'train': {
      const { model, version } = spec.labels;
      const { quality } = versionOf(script, version);
      return { outputs: { 'model.onnx': encodeModel({ model, version, quality }) } };
    }
    case 'score':
      return score(spec, store, script);
  }
}

function prepare(spec: JobSpec, script: FullScript): Record<string, Uint8Array> {
  const { label } = spec.params;
  const name = typeof label === 'string' ? label : 'label';
  const source = Object.values(spec.inputs)
    .map((ref) => ref.sha256)
    .join('/');
  const { rows, positiveShare } = script.heldOut;
  return {
    'train.csv': drawTable(script.seed, `train/${source}`, TRAIN_ROWS, positiveShare, name),
    'heldout.csv': drawTable(script.seed, `heldout/${source}`, rows, positiveShare, name),
  };
}

function score(spec: JobSpec, store: SimStore, script: FullScript): ProgramResult {
  const modelRef = spec.inputs['model.onnx'];
  const tableRef = spec.inputs['heldout.csv'];
  if (modelRef === undefined || tableRef === undefined) {
    return { rejects: 'the inputs model.onnx and heldout.csv are wanted' };
  }
  const model = decodeModel(store.bytesOf(modelRef));
  if (model === null) return { rejects: 'model.onnx is no model file of this world' };
  const table = store.bytesOf(tableRef);
  const labels = labelsOf(table);
  if (labels === null) return { rejects: 'the last column of heldout.csv is not 0 or 1' };
  const random = createRandom(script.seed, `scores/${modelRef.sha256}/${sha256Hex(table)}`);
  const lines = labels.map((label) => {
    const logit = random.normal() + (label === 1 ? model.quality : 0);
    return `${label},${(1 / (1 + Math.exp(-logit))).toFixed(6)}`;
  });
  return { outputs: { 'scores.csv': text.encode(`label,score\n${lines.join('\n')}\n`) } };
}
