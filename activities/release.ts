import type { BackendChoice } from '../core/backend.ts';
import { backendFor } from '../core/backend.ts';
import { canonicalJson } from '../core/canonical.ts';
import { OrreryError } from '../core/errors.ts';
import type { ArtifactRef } from '../core/ports/artifacts.ts';
import type { FactChange, ModelVersion, ServingFact } from '../core/ports/models.ts';
import type { EvaluationPolicy, EvaluationReport } from '../core/release/evaluation.ts';
import type { Deps } from './deps.ts';
import { portOf } from './deps.ts';

export interface EvaluateInput {
  readonly backend: string;
  readonly model: string;
  readonly version: string;
  readonly modelSha256: string;
  readonly heldOutSha256: string;
  readonly scores: ArtifactRef;
  readonly champion: {
    readonly version: string;
    readonly modelSha256: string;
    readonly scores: ArtifactRef;
  } | null;
  readonly policy: EvaluationPolicy;
}

export function createEvaluationActivities(deps: Deps) {
  return {
    /** Computes the report from the scores of the exported file and stores it. */
    async evaluateModel(
      input: EvaluateInput,
    ): Promise<{ report: EvaluationReport; reportRef: ArtifactRef }> {
      const artifacts = await portOf(deps, input.backend, 'artifacts');
      const { confidence, resamples, seed } = input.policy;
      const measured = await deps.kernels.run('evaluateScores', {
        candidate: await artifacts.read(input.scores),
        champion: input.champion === null ? null : await artifacts.read(input.champion.scores),
        confidence,
        resamples,
        seed,
      });
      const report = reportOf(input, measured);
      const reportRef = await artifacts.put(new TextEncoder().encode(canonicalJson(report)));
      return { report, reportRef };
    },
  };
}

type Measured = Pick<EvaluationReport, 'rows' | 'positives' | 'candidate' | 'difference'> & {
  readonly champion: EvaluationReport['candidate'] | null;
};

function reportOf(input: EvaluateInput, measured: Measured): EvaluationReport {
  const { champion } = input;
  return {
    schemaVersion: 1,
    model: input.model,
    version: input.version,
    modelSha256: input.modelSha256,
    heldOutSha256: input.heldOutSha256,
    rows: measured.rows,
    positives: measured.positives,
    metric: 'average-precision',
    candidate: measured.candidate,
    champion:
      champion === null || measured.champion === null
        ? null
        : {
            version: champion.version,
            modelSha256: champion.modelSha256,
            score: measured.champion,
          },
    difference: measured.difference,
    confidence: input.policy.confidence,
    resamples: input.policy.resamples,
    seed: input.policy.seed,
  };
}

export function createModelsActivities(deps: Deps) {
  const models = async (backends: BackendChoice) =>
    portOf(deps, backendFor(backends, 'models'), 'models');
  return {
    async registerModel(input: { backends: BackendChoice; record: ModelVersion }): Promise<void> {
      await (await models(input.backends)).register(input.record);
    },
    /** @throws NOT_FOUND */
    async readModel(input: {
      backends: BackendChoice;
      model: string;
      version: string;
    }): Promise<ModelVersion> {
      const found = await (await models(input.backends)).read(input.model, input.version);
      if (found === null) {
        throw new OrreryError(
          'NOT_FOUND',
          `Cannot read model "${input.model}" ${input.version}: it is not registered`,
        );
      }
      return found;
    },
    async readServingFact(input: {
      backends: BackendChoice;
      model: string;
      region: string;
    }): Promise<ServingFact> {
      return (await models(input.backends)).fact(input.model, input.region);
    },
    /** Compare-and-swap; a retry whose first reply was lost finds its own effect. */
    async changeServingFact(input: {
      backends: BackendChoice;
      change: FactChange;
    }): Promise<ServingFact> {
      const port = await models(input.backends);
      const { model, region, expectedGeneration, next } = input.change;
      const now = await port.fact(model, region);
      const ours =
        now.generation === expectedGeneration + 1 &&
        canonicalJson(now) === canonicalJson({ ...next, generation: now.generation });
      return ours ? now : port.changeFact(input.change);
    },
  };
}
