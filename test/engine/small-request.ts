/** A lifecycle request as a person writes it: only what has no default. */
export interface SmallRequest {
  readonly schemaVersion: 1;
  readonly model: string;
  readonly version: string;
  readonly [member: string]: unknown;
}

/** For a world that has the table `sim://table`; judged and baked in the world's own time. */
export function smallRequest(
  model: string,
  version: string,
  changes: Readonly<Record<string, unknown>> = {},
): SmallRequest {
  const program = { command: ['program'], timeoutSeconds: 600 };
  return {
    schemaVersion: 1,
    model,
    version,
    author: 'ada',
    backends: { default: 'sim' },
    data: {
      uri: 'sim://table',
      contract: {
        format: 'csv',
        columns: [
          { name: 'amount', type: 'number' },
          { name: 'label', type: 'integer', role: 'label' },
        ],
        label: 'label',
        rowsMin: 100,
      },
    },
    training: {
      prepare: program,
      train: program,
      resources: { cpus: 1, memoryMiB: 256 },
    },
    // Scores are drawn: what is tested here is not whether a version is better.
    evaluation: { floor: 0.05, lossMax: 1, resamples: 100 },
    release: { regions: ['eu'] },
    ...changes,
  };
}
