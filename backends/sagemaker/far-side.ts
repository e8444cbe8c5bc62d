import { S3Client } from '@aws-sdk/client-s3';
import { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { clientOptions } from '../connections/aws/clients.ts';
import type { SagemakerSettings } from './settings.ts';
import { Store } from './store.ts';

/** Clients and settings, as every port of this backend needs them. */
export interface FarSide {
  readonly settings: SagemakerSettings;
  readonly sagemaker: SageMakerClient;
  readonly store: Store;
  close(): void;
}

/** Makes the clients; nothing is asked yet. @throws OrreryError SETTINGS_INVALID */
export function openFarSide(settings: SagemakerSettings): FarSide {
  const sagemaker = new SageMakerClient(clientOptions(settings.aws, 'sagemaker'));
  const s3 = new S3Client({
    ...clientOptions(settings.aws, 's3'),
    // Buckets as paths, when the address is one of our own choice: it has no name for each bucket.
    forcePathStyle: settings.aws.endpoints.s3 !== undefined,
  });
  return {
    settings,
    sagemaker,
    store: new Store(s3, settings.store),
    close: () => {
      sagemaker.destroy();
      s3.destroy();
    },
  };
}
