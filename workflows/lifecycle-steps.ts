/** The steps of a life, each a few calls, in the order in which `runLifecycle` takes them. */
import { executeChild, startChild, workflowInfo } from '@temporalio/workflow';
import { backendFor } from '../core/backend.ts';
import { violationsText } from '../core/data/contract.ts';
import { approvalNonce } from '../core/evidence/approval.ts';
import { pipelineId, rolloutId, trainingId } from '../core/ids.ts';
import type { LifecycleRequest } from '../core/lifecycle/request.ts';
import { TASK_QUEUES } from '../core/messages.ts';
import type { ArtifactRef } from '../core/ports/artifacts.ts';
import { judgeEvaluation, SCORE_TIMEOUT_SECONDS } from '../core/release/evaluation.ts';
import type { EvaluationReport } from '../core/release/evaluation.ts';
import type { RolloutResult } from '../core/rollout/request.ts';
import type { TrainResult } from '../core/training/request.ts';
import { failure } from './failures.ts';
import type { Life } from './life.ts';
import { control, kernels } from './options.ts';
import { rolloutRegion } from './rollout-region.ts';
import { runJob } from './run-job.ts';
import { runPipeline } from './run-pipeline.ts';
import { identityAttributes } from './search-attributes.ts';
import { trainModel } from './train-model.ts';

/** How a life ends before its release, without being a failure of the run. */
export class Rejection extends Error {}

/**
 * A child is asked to cancel with its parent, and its compensations are waited for. The queue is
 * named, though it would be the same, so that it stands in the command.
 */
const CHILD = {
  taskQueue: TASK_QUEUES.orchestrate,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  parentClosePolicy: 'REQUEST_CANCEL',
} as const;

export async function checkedData(life: Life, request: LifecycleRequest): Promise<ArtifactRef> {
  await refreshed(life, request);
  await life.enter('data', `reads ${request.data.uri}`);
  const backend = backendFor(request.backends, 'artifacts');
  const data = await kernels.importData({ backend, uri: request.data.uri });
  const report = await kernels.checkData({ backend, data, contract: request.data.contract });
  if (report.violations.length > 0) {
    const told = violationsText(report.violations);
    life.refuse('data', told);
    throw failure('DATA_CONTRACT_BROKEN', `Cannot train on ${request.data.uri}: ${told}`);
  }
  life.pass('data', `${report.rows} rows, ${report.positives} positive, contract kept`);
  return data;
}

/** Has another system make the data anew, where the request names a pipeline for it. */
async function refreshed(life: Life, request: LifecycleRequest): Promise<void> {
  const { model, version, backends, data } = request;
  if (data.refresh === undefined) return;
  const { pipeline, policy } = data.refresh;
  await life.enter('data', `runs ${pipeline.pipeline}`);
  const id = { model, version, name: 'refresh' };
  const { backend, runSeconds, costUsd } = await executeChild(runPipeline, {
    ...CHILD,
    workflowId: pipelineId(id),
    args: [{ schemaVersion: 1, ...id, backends, pipeline, policy }],
    typedSearchAttributes: identityAttributes(request),
    staticSummary: `run ${pipeline.pipeline} for ${model} ${version}`,
  });
  life.spendUsd('refresh', runSeconds, costUsd ?? 0);
  life.pass('data', `${pipeline.pipeline} ran on ${backend} for ${runSeconds.toFixed(1)} s`);
}

export async function trained(
  life: Life,
  request: LifecycleRequest,
  data: ArtifactRef,
): Promise<TrainResult> {
  await life.enter('train');
  const { model, version, backends, training } = request;
  const result = await executeChild(trainModel, {
    ...CHILD,
    workflowId: trainingId(request),
    args: [{ schemaVersion: 1, model, version, backends, data, training }],
    typedSearchAttributes: identityAttributes(request),
    staticSummary: `train ${model} ${version}`,
  });
  for (const job of result.jobs) life.spend(job);
  life.pass('train', result.jobs.map(jobText).join('; '));
  return result;
}

export interface Evaluated {
  readonly report: EvaluationReport;
  readonly reportRef: ArtifactRef;
}

/** Judges the exported file by its digest, on the held-out rows, beside every region's champion. */
export async function evaluated(
  life: Life,
  request: LifecycleRequest,
  training: TrainResult,
): Promise<Evaluated> {
  await life.enter('evaluate');
  const champion = await championOf(request);
  const [scores, championScores] = await Promise.all([
    scored(life, request, 'score', training.model, training.heldOut),
    champion === null
      ? null
      : scored(life, request, 'score-champion', champion.modelRef, training.heldOut),
  ]);
  const { report, reportRef } = await kernels.evaluateModel({
    backend: backendFor(request.backends, 'artifacts'),
    model: request.model,
    version: request.version,
    modelSha256: training.model.sha256,
    heldOutSha256: training.heldOut.sha256,
    scores,
    champion:
      champion === null || championScores === null
        ? null
        : {
            version: champion.version,
            modelSha256: champion.modelRef.sha256,
            scores: championScores,
          },
    policy: request.evaluation,
  });
  const verdict = judgeEvaluation(report, request.evaluation);
  if (!verdict.passed) {
    life.refuse('evaluate', verdict.reason);
    throw new Rejection(verdict.reason);
  }
  life.pass('evaluate', verdict.reason);
  return { report, reportRef };
}

/** The champion of the first region stands for the model: regions are ordered from low to high risk. */
async function championOf({ backends, model, release }: LifecycleRequest) {
  const [region] = release.regions;
  if (region === undefined) return null;
  const { champion } = await control.readServingFact({ backends, model, region });
  return champion === null ? null : control.readModel({ backends, model, version: champion });
}

async function scored(
  life: Life,
  request: LifecycleRequest,
  step: string,
  model: ArtifactRef,
  heldOut: ArtifactRef,
): Promise<ArtifactRef> {
  const { training, backends, data } = request;
  const { outputs, summary } = await runJob({
    step,
    backends,
    policy: training.policy,
    checkpoints: false,
    model: request.model,
    version: request.version,
    spec: {
      kind: 'score',
      command: ['orrery-score'],
      params: { label: data.contract.label },
      inputs: { 'model.onnx': model, 'heldout.csv': heldOut },
      outputs: ['scores.csv'],
      resources: training.resources,
      timeoutSeconds: SCORE_TIMEOUT_SECONDS,
      graceSeconds: training.graceSeconds,
    },
  });
  life.spend(summary);
  const scores = outputs['scores.csv'];
  if (scores === undefined)
    throw failure('JOB_OUTPUT_MISSING', `Cannot evaluate: ${step} left no "scores.csv"`);
  return scores;
}

/** Signs the digests of model and report together, and registers the version. */
export async function signed(
  life: Life,
  request: LifecycleRequest,
  data: ArtifactRef,
  training: TrainResult,
  evaluation: Evaluated,
): Promise<void> {
  await life.enter('sign');
  const { backends, model, version, author } = request;
  const { workflowId } = workflowInfo();
  const envelopeRef = await control.signModel({
    backends,
    facts: {
      modelSha256: training.model.sha256,
      reportSha256: evaluation.reportRef.sha256,
      dataSha256: data.sha256,
      model,
      version,
      author,
      workflowId,
    },
  });
  const { reportRef } = evaluation;
  const record = {
    model,
    version,
    author,
    modelRef: training.model,
    reportRef,
    envelopeRef,
    workflowId,
  };
  await control.registerModel({ backends, record });
  life.pass(
    'sign',
    `model ${training.model.sha256.slice(0, 12)} with report ${reportRef.sha256.slice(0, 12)}`,
  );
}

export async function approved(
  life: Life,
  request: LifecycleRequest,
  training: TrainResult,
  { reportRef }: Evaluated,
): Promise<void> {
  await life.enter('approve', 'waits for an approval');
  const { deadlineHours } = request.approval;
  const { workflowId, runId } = workflowInfo();
  const modelSha256 = training.model.sha256;
  const reportSha256 = reportRef.sha256;
  const decision = await life.decision(
    {
      workflowId,
      modelSha256,
      reportSha256,
      nonce: approvalNonce({ runId, modelSha256, reportSha256 }),
      deadlineAt: new Date(Date.now() + deadlineHours * 3_600_000).toISOString(),
    },
    deadlineHours,
  );
  if (decision === null) {
    throw failure(
      'APPROVAL_EXPIRED',
      `Cannot release ${request.version}: nobody approved within ${deadlineHours} h`,
    );
  }
  const told = `${decision.approver}${decision.reason === '' ? '' : `: ${decision.reason}`}`;
  if (decision.decision === 'reject') {
    life.refuse('approve', told);
    throw new Rejection(`rejected by ${told}`);
  }
  life.pass('approve', told);
}

/** Region by region; the first region that takes the version back ends the release. */
export async function released(
  life: Life,
  request: LifecycleRequest,
): Promise<'released' | 'rolled-back'> {
  const { regions, ...release } = request.release;
  for (const region of regions) {
    await life.enter('release', `rolls out in ${region}`);
    const result = await rolledOut(life, request, region, release);
    life.show({
      rollouts: [...life.state.rollouts, result],
      reason: `${region}: ${result.reason}`,
    });
    if (result.outcome === 'rolled-back') {
      life.refuse('release', `${region}: ${result.reason}`);
      return 'rolled-back';
    }
    life.pass('release', `${region}: ${result.reason}`);
  }
  return 'released';
}

async function rolledOut(
  life: Life,
  { model, version, backends }: LifecycleRequest,
  region: string,
  release: Omit<LifecycleRequest['release'], 'regions'>,
): Promise<RolloutResult> {
  const rollout = await startChild(rolloutRegion, {
    ...CHILD,
    workflowId: rolloutId({ model, version, region }),
    args: [{ schemaVersion: 1, model, version, region, backends, release }],
    typedSearchAttributes: identityAttributes({ model, version, region }),
    staticSummary: `release ${model} ${version} in ${region}`,
  });
  try {
    await life.rollingOut(region, rollout);
    return await rollout.result();
  } finally {
    life.rolledOut();
  }
}

function jobText(job: TrainResult['jobs'][number]): string {
  const { step, attempts, setbacks, before = [] } = job;
  const again = attempts === 1 ? '' : ` in ${attempts} attempts (${setbacks.join(', ')})`;
  const seconds = [...before, job].reduce((sum, use) => sum + use.billableSeconds, 0);
  return `${step} ${seconds.toFixed(1)} s${again}`;
}
