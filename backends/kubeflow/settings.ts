import { z } from 'zod';
import { OrreryError } from '../../core/errors.ts';
import { kubernetesSettings } from '../connections/kubernetes/settings.ts';
import { kfpSettings } from './kfp/settings.ts';
import { kserveSettings } from './kserve/settings.ts';
import { priceBook, trainerSettings } from './trainer/settings.ts';

/** A system that is not named is not offered. */
const schema = z.strictObject({
  /** Needed for all but Kubeflow Pipelines. */
  cluster: kubernetesSettings.optional(),
  /** Port `compute`. */
  trainer: trainerSettings.optional(),
  /** Ports `pipeline` and `definitions`. */
  kfp: kfpSettings.optional(),
  /** Ports `serving` and `traffic`. */
  kserve: kserveSettings.optional(),
  /** Port `tuning`; needs `trainer`, whose runtimes, programs and `outputUri` its trials use. */
  katib: z.strictObject({}).optional(),
  /** Port `prices`. */
  prices: priceBook.optional(),
});

export type KubeflowSettings = z.infer<typeof schema>;

export const kubeflowSettings = {
  /** @throws OrreryError SETTINGS_INVALID naming each member that does not fit */
  parse(value: unknown): KubeflowSettings {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const faults = parsed.error.issues.map(
      ({ path, message }) => `${path.join('.') || '(whole)'}: ${message}`,
    );
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot open the backend "kubeflow": ${faults.join('; ')}`,
      { details: { faults } },
    );
  },
};
