/** The smallest lifecycle request that the schema takes, as JSON from outside. */
export function requestJson(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    schemaVersion: 1,
    model: 'fraud',
    version: 'v1',
    author: 'ada',
    backends: { default: 'local' },
    data: {
      uri: 'file:///data/transactions.csv',
      contract: {
        format: 'csv',
        columns: [
          { name: 'amount', type: 'number' },
          { name: 'fraud', type: 'integer', role: 'label' },
        ],
        label: 'fraud',
        rowsMin: 10,
      },
    },
    training: {
      prepare: { command: ['python', 'prepare.py'], timeoutSeconds: 60 },
      train: { command: ['python', 'train.py'], timeoutSeconds: 60 },
      resources: { cpus: 1, memoryMiB: 512 },
    },
    release: { regions: ['eu'] },
    ...changes,
  };
}

export function retrainJson(): Record<string, unknown> {
  const { version: _, ...lifecycle } = requestJson();
  return { schemaVersion: 1, lifecycle };
}
