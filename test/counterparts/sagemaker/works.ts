import type { ContractJob } from '../../support/contract/harness.ts';

const STEPS = ['prepare', 'train'];

/** A job whose life the layer reads from its command. */
export function livingJob(life: object, version = 'v1'): ContractJob {
  return {
    command: ['program', `life=${JSON.stringify(life)}`],
    version,
    outputs: ['model.onnx'],
  };
}

/** A definition of two steps. */
export function definitionText(variant = 1): string {
  return JSON.stringify({
    Version: '2020-12-01',
    Metadata: { variant },
    Parameters: ['life', 'nonce'].map((Name) => ({ Name, Type: 'String' })),
    Steps: STEPS.map((Name) => ({ Name, Type: 'Training', Arguments: {} })),
  });
}
