import type { BackendChoice } from '../../core/backend.ts';
import type { LifecycleRequest } from '../../core/lifecycle/request.ts';
import { parseLifecycleRequest } from '../../schemas/lifecycle.ts';

/** Members of a request that tests change; the rest is a small life that a world carries through. */
export interface RequestChanges {
  readonly model: string;
  readonly version: string;
  readonly backend: string;
  /** Ports that another backend serves. */
  readonly backends?: Omit<Partial<BackendChoice>, 'default'>;
  readonly author?: string;
  readonly uri?: string;
  readonly refresh?: unknown;
  readonly contract?: Partial<LifecycleRequest['data']['contract']>;
  readonly policy?: Partial<LifecycleRequest['training']['policy']>;
  readonly deadlineHours?: number;
  readonly release?: Partial<Omit<LifecycleRequest['release'], 'judge'>>;
  readonly judge?: Partial<LifecycleRequest['release']['judge']>;
  readonly costUsdMax?: number;
}

/** A request for the files of a world: `sim://data` is the table `id,amount,hour,label`. */
export function lifecycleRequest(changes: RequestChanges): LifecycleRequest {
  const { model, version, backend, contract, policy, release, judge } = changes;
  return parseLifecycleRequest({
    schemaVersion: 1,
    model,
    version,
    author: changes.author ?? 'ada',
    backends: { default: backend, ...changes.backends },
    data: {
      uri: changes.uri ?? 'sim://data',
      refresh: changes.refresh,
      contract: {
        format: 'csv',
        columns: [
          { name: 'id', type: 'integer', role: 'identifier' },
          { name: 'amount', type: 'number', min: 0 },
          { name: 'hour', type: 'integer', min: 0, max: 23 },
          { name: 'label', type: 'integer', values: [0, 1], role: 'label' },
        ],
        label: 'label',
        rowsMin: 100,
        ...contract,
      },
    },
    training: {
      prepare: { command: ['prepare'], timeoutSeconds: 600 },
      train: { command: ['train'], timeoutSeconds: 600 },
      resources: { cpus: 1, memoryMiB: 512 },
      graceSeconds: 10,
      policy: { attemptsMax: 3, heartbeatTimeoutSeconds: 10, ...policy },
    },
    evaluation: { floor: 0.3, lossMax: 0.3, resamples: 100 },
    approval: { deadlineHours: changes.deadlineHours ?? 72 },
    release: {
      regions: ['eu'],
      stepsPercent: [10, 50, 100],
      bakeSeconds: 10,
      tickSeconds: 1,
      ...release,
      judge: { requestsMin: 50, secondsMin: 5, ...judge },
    },
    costUsdMax: changes.costUsdMax ?? null,
  });
}
