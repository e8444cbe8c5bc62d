import type { BackendFinding } from '../../../core/backend.ts';
import { ERRORS, OrreryError } from '../../../core/errors.ts';
import type { KfpApi } from './api.ts';

/** Asks whether Kubeflow Pipelines would work: endpoint, then credentials and namespace. Changes nothing. */
export async function checkKfp(api: KfpApi): Promise<readonly BackendFinding[]> {
  return [
    await finding('kfp endpoint', async () => {
      await api.health();
      return `${api.settings.url} answers`;
    }),
    await finding('kfp credentials', async () => {
      const { value } = await api.experiments([]);
      const where = api.settings.namespace === '' ? '' : ` in ${api.settings.namespace}`;
      return `experiments can be listed${where}: ${value.length} on the first page`;
    }),
  ];
}

async function finding(subject: string, ask: () => Promise<string>): Promise<BackendFinding> {
  try {
    return { subject, state: 'ok', told: await ask(), action: '' };
  } catch (error) {
    const code = error instanceof OrreryError ? error.code : 'INTERNAL';
    const state = code === 'BACKEND_UNAVAILABLE' ? 'unknown' : 'missing';
    return { subject, state, told: (error as Error).message, action: ERRORS[code].action };
  }
}
