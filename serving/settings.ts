import { OrreryError } from '../core/errors.ts';
import type { ReleaseFiles } from './release.ts';

/** What the scoring server is told, all by its environment. */
export interface ScorerSettings extends ReleaseFiles {
  /** 0 for a free one. */
  readonly port: number;
  /** Gets `{"port", "pid"}` once the server listens. */
  readonly portFile: string;
}

/** @throws OrreryError SETTINGS_INVALID */
export function readSettings(env: Readonly<Record<string, string | undefined>>): ScorerSettings {
  const wanted = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') {
      throw new OrreryError(
        'SETTINGS_INVALID',
        `Cannot start the scoring server: ${name} is not set, wanted in the environment`,
      );
    }
    return value;
  };
  const port = Number(wanted('ORRERY_PORT'));
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot listen on port ${env['ORRERY_PORT']}: ORRERY_PORT is a whole number 0–65535`,
    );
  }
  return {
    modelFile: wanted('ORRERY_MODEL_FILE'),
    envelopeFile: wanted('ORRERY_ENVELOPE_FILE'),
    signerPublicKeyFile: wanted('ORRERY_SIGNER_PUBLIC_KEY_FILE'),
    model: wanted('ORRERY_MODEL'),
    version: wanted('ORRERY_VERSION'),
    port,
    portFile: wanted('ORRERY_PORT_FILE'),
  };
}
