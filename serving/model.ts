import { InferenceSession, Tensor } from 'onnxruntime-node';
import { OrreryError } from '../core/errors.ts';

/** The output that a model promises: the probability of the positive class, 0–1. */
const OUTPUT_NAME = 'probability';

/** A loaded model. It names its own features: one ONNX input for each, float32 [N, 1]. */
export interface ScoringModel {
  /** In the order of the ONNX graph's inputs. */
  readonly features: readonly string[];
  /**
   * Scores `rows` rows given as one column for each feature, in the order of `features`.
   * @throws Error when the graph fails on these values, as a lookup beyond its table does
   */
  score(columns: readonly Float32Array[], rows: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * One thread computes and nothing is queued inside the runtime: a scorer is scaled by processes,
 * and a small model is slower when its operators are spread over threads.
 */
const SESSION_OPTIONS: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  logSeverityLevel: 3,
};

/** @throws OrreryError MODEL_INVALID */
export async function loadModel(bytes: Uint8Array): Promise<ScoringModel> {
  const session = await InferenceSession.create(bytes, SESSION_OPTIONS).catch((cause: unknown) => {
    throw invalid(cause instanceof Error ? cause.message : String(cause), cause);
  });
  const features = session.inputMetadata.map(checkInput);
  if (features.length === 0) throw invalid('it has no inputs, wanted one for each feature');
  checkOutput(session.outputMetadata);
  return {
    features,
    score: (columns, rows) => scoreColumns(session, features, columns, rows),
    close: () => session.release(),
  };
}

function checkInput(input: InferenceSession.ValueMetadata): string {
  const isColumn =
    input.isTensor && input.type === 'float32' && input.shape.length === 2 && input.shape[1] === 1;
  if (!isColumn) {
    throw invalid(`the input "${input.name}" is ${describe(input)}, wanted float32 [N, 1]`);
  }
  return input.name;
}

function checkOutput(outputs: readonly InferenceSession.ValueMetadata[]): void {
  const output = outputs.find((candidate) => candidate.name === OUTPUT_NAME);
  if (output === undefined) {
    const names = outputs.map((candidate) => `"${candidate.name}"`).join(', ');
    throw invalid(`its outputs are ${names}, wanted one named "${OUTPUT_NAME}"`);
  }
  const fits = output.isTensor && output.type === 'float32' && output.shape.length <= 2;
  if (!fits) {
    throw invalid(
      `the output "${OUTPUT_NAME}" is ${describe(output)}, wanted float32 [N] or [N, 1]`,
    );
  }
}

function describe(value: InferenceSession.ValueMetadata): string {
  return value.isTensor ? `${value.type} [${value.shape.join(', ')}]` : 'no tensor';
}

async function scoreColumns(
  session: InferenceSession,
  features: readonly string[],
  columns: readonly Float32Array[],
  rows: number,
): Promise<Float32Array> {
  const feeds: Record<string, Tensor> = {};
  features.forEach((feature, index) => {
    feeds[feature] = new Tensor('float32', columns[index] ?? new Float32Array(0), [rows, 1]);
  });
  const output = (await session.run(feeds, [OUTPUT_NAME]))[OUTPUT_NAME];
  const scores = output?.data;
  if (!(scores instanceof Float32Array) || scores.length !== rows) {
    throw new Error(`the model answered ${scores?.length ?? 'no'} scores for ${rows} rows`);
  }
  const bad = scores.findIndex((score) => !Number.isFinite(score));
  if (bad >= 0) throw new Error(`the model answered ${scores[bad]} for row ${bad}`);
  return scores;
}

function invalid(reason: string, cause?: unknown): OrreryError {
  return new OrreryError('MODEL_INVALID', `Cannot load the model: ${reason}`, { cause });
}
