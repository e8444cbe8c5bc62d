import type { BackendFinding } from '../../core/backend.ts';
import { ERRORS, OrreryError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';
import { endpointOf } from '../connections/google/settings.ts';
import type { ObjectStore } from '../connections/google/storage.ts';
import type { VertexApi } from './calls.ts';
import type { VertexSettings } from './settings.ts';

/** Lists one thing of each kind; changes nothing. */
export async function checkVertex(
  settings: VertexSettings,
  api: VertexApi,
  store: ObjectStore,
): Promise<readonly BackendFinding[]> {
  const { host, port } = endpointOf(settings);
  const listed = await codeOf(() => api.customJobs.list('', 1));
  const stored = await codeOf(() => store.probe(`${settings.storage.root}/`));
  const answers = listed === null || !SILENT.includes(listed.code);
  const known = listed === null || !BEFORE_KNOWN.includes(listed.code);
  return [
    finding('endpoint', answers ? null : listed, `${host}:${port} answers`),
    !answers
      ? unknown('credentials', 'the endpoint does not answer')
      : finding('credentials', known ? null : listed, 'accepted'),
    known && answers
      ? finding(
          'permission to list custom jobs',
          listed,
          `in ${settings.project}, ${settings.location}`,
        )
      : unknown('permission to list custom jobs', 'nobody could be asked'),
    finding('storage', stored, `${settings.storage.root} can be listed`),
    unknown('quota', 'Vertex AI tells it in the Cloud Quotas API alone, which is not asked'),
  ];
}

const SILENT: readonly ErrorCode[] = ['BACKEND_UNAVAILABLE', 'REPLY_MALFORMED'];
const BEFORE_KNOWN: readonly ErrorCode[] = [...SILENT, 'CREDENTIALS_INVALID'];

async function codeOf(run: () => Promise<unknown>): Promise<OrreryError | null> {
  try {
    await run();
    return null;
  } catch (error) {
    if (error instanceof OrreryError) return error;
    return new OrreryError('INTERNAL', String(error), { cause: error });
  }
}

function finding(subject: string, error: OrreryError | null, good: string): BackendFinding {
  if (error === null) return { subject, state: 'ok', told: good, action: '' };
  return { subject, state: 'missing', told: error.message, action: ERRORS[error.code].action };
}

function unknown(subject: string, told: string): BackendFinding {
  return { subject, state: 'unknown', told, action: 'Look at it by hand' };
}
