import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BackendChoice } from '../../core/backend.ts';
import type { LifecycleRequest } from '../../core/lifecycle/request.ts';
import { EVALUATION_POLICY_DEFAULT } from '../../core/release/evaluation.ts';
import { JUDGE_POLICY_DEFAULT } from '../../core/rollout/judge.ts';
import { STEPS_PERCENT_DEFAULT } from '../../core/rollout/ladder.ts';
import { JOB_POLICY_DEFAULT } from '../../core/training/attempts.ts';
import { FRAUD_CONTRACT } from './data-contract.ts';

/** What train.py makes; "terminal-table" is wrong on purpose in a way that only live traffic shows. */
export const RECIPES = ['standard', 'terminal-table'] as const;
export type Recipe = (typeof RECIPES)[number];

export interface FraudRequestOptions {
  readonly version: string;
  /** Name under which approvers are enrolled; the author's own approval does not count. */
  readonly author: string;
  /** Absolute path of `data.csv`, as the artifacts backend sees it. */
  readonly dataPath: string;
  /** Absolute path of this folder, as the compute backend sees it. */
  readonly programsDir: string;
  /** Default `fraud`. */
  readonly model?: string;
  /** Default `standard`. */
  readonly recipe?: Recipe;
  /** 5–1000, a multiple of 5; default 60. */
  readonly trees?: number;
  /** 0–10,000 milliseconds a tree, to slow a demonstration down; default 0. */
  readonly stepDelayMs?: number;
  /** Backend for every port, or one for each; default `local`. */
  readonly backend?: string | BackendChoice;
  /** In the order of release; default one region, `eu-west`. */
  readonly regions?: readonly string[];
  /** US dollars; null, the default, for no cap. */
  readonly costUsdMax?: number | null;
  /** 0–; default 24. */
  readonly deadlineHours?: number;
}

/** Longest time that prepare.py and train.py may take, seconds; a quiet core needs 1 and 6. */
const PREPARE_SECONDS_MAX = 120;
const TRAIN_SECONDS_MAX = 1_200;
/** train.py tells progress after every tree, and no tree with its delay takes so long, seconds. */
const STALL_SECONDS = 60;
/** train.py finishes a chunk of five trees before it saves and ends. */
const GRACE_SECONDS = 20;

/** The argument of `runLifecycle` for one version of the fraud model. */
export function fraudRequest(options: FraudRequestOptions): LifecycleRequest {
  const { version, author, dataPath, programsDir, backend = 'local' } = options;
  const program = (name: string) => ['python', join(programsDir, name)];
  return {
    schemaVersion: 1,
    model: options.model ?? 'fraud',
    version,
    author,
    backends: typeof backend === 'string' ? { default: backend } : backend,
    data: { uri: pathToFileURL(dataPath).href, contract: FRAUD_CONTRACT },
    training: {
      prepare: {
        command: program('prepare.py'),
        params: {},
        timeoutSeconds: PREPARE_SECONDS_MAX,
      },
      train: {
        command: program('train.py'),
        params: {
          recipe: options.recipe ?? 'standard',
          trees: options.trees ?? 60,
          step_delay_ms: options.stepDelayMs ?? 0,
        },
        timeoutSeconds: TRAIN_SECONDS_MAX,
      },
      resources: { cpus: 1, memoryMiB: 2_048 },
      graceSeconds: GRACE_SECONDS,
      policy: { ...JOB_POLICY_DEFAULT, stallSeconds: STALL_SECONDS },
    },
    evaluation: EVALUATION_POLICY_DEFAULT,
    approval: { deadlineHours: options.deadlineHours ?? 24 },
    release: {
      regions: options.regions ?? ['eu-west'],
      stepsPercent: STEPS_PERCENT_DEFAULT,
      judge: {
        ...JUDGE_POLICY_DEFAULT,
        errorRate: 0.001,
        latencyMsMax: 1_000,
        requestsMin: 40,
        secondsMin: 3,
      },
      bakeSeconds: 5,
      tickSeconds: 1,
      sticky: true,
    },
    costUsdMax: options.costUsdMax ?? null,
  };
}
