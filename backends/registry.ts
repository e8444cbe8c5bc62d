import type { Backend } from '../core/backend.ts';

/**
 * Every backend by its name. A new backend is its folder and one line here; nothing else changes,
 * and being listed enrols it in the contract tests. Imports are lazy, so that a vendor's SDK is
 * loaded only by a worker that uses it.
 */
export const REGISTRY: Readonly<Record<string, () => Promise<Backend>>> = {
  airflow: async () => (await import('./airflow/index.ts')).backend,
  kubeflow: async () => (await import('./kubeflow/index.ts')).backend,
  local: async () => (await import('./local/index.ts')).backend,
  sim: async () => (await import('./sim/index.ts')).backend,
  vertex: async () => (await import('./vertex/index.ts')).backend,
  ssh: async () => (await import('./ssh/index.ts')).backend,
  sagemaker: async () => (await import('./sagemaker/index.ts')).backend,
};
