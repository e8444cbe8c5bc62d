import type { DeploySpec } from '../../../core/ports/serving.ts';
import { armAnnotations, deployDigest } from './names.ts';
import type { ArmFacts } from './names.ts';
import type { Predictor } from './objects.ts';
import type { CheckedModel } from './release.ts';
import type { KserveSettings } from './settings.ts';

export const API_VERSION = 'serving.kserve.io/v1beta1';
/** Deletes the servers and routes of an InferenceService and keeps the object; KServe 0.16 and later. */
export const STOP_ANNOTATION = 'serving.kserve.io/stop';
/** The name of the route on what belongs to one. */
export const ROUTE_ANNOTATION = 'orrery-route';

/**
 * Annotations of an InferenceService in Standard mode. Without the class `none` KServe makes an
 * autoscaler, which ignores `minReplicas` until it has metrics.
 */
export const STANDARD_ANNOTATIONS = {
  'serving.kserve.io/deploymentMode': 'Standard',
  'serving.kserve.io/autoscalerClass': 'none',
} as const;

export function factsOf(spec: DeploySpec, checked: CheckedModel): ArmFacts {
  const { key, version } = spec;
  return { key, version, spec: deployDigest(spec), ...checked };
}

/**
 * What serves one version. Its facts are annotations of the predictor, since those of the
 * InferenceService reach the pods of every version: changing one there would restart them all.
 */
export function predictorOf(settings: KserveSettings, facts: ArmFacts): Predictor {
  const { modelFormat, runtime, resources, replicas, serviceAccount } = settings;
  return {
    minReplicas: replicas,
    annotations: armAnnotations(facts),
    ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
    model: {
      modelFormat: {
        name: modelFormat.name,
        ...(modelFormat.version === undefined ? {} : { version: modelFormat.version }),
      },
      storageUri: facts.storageUri,
      ...(runtime === undefined ? {} : { runtime }),
      ...(resources === undefined ? {} : { resources: { requests: resources, limits: resources } }),
    },
  };
}

/** The members of a predictor that we write, of one that KServe may have filled up with defaults. */
export function ownMembers(predictor: Predictor): Predictor {
  const { name, minReplicas, serviceAccountName, annotations, model } = predictor;
  const { modelFormat, storageUri, runtime, resources } = model;
  return {
    ...(name === undefined ? {} : { name }),
    ...(minReplicas === undefined ? {} : { minReplicas }),
    ...(serviceAccountName === undefined ? {} : { serviceAccountName }),
    ...(annotations === undefined ? {} : { annotations }),
    model: {
      modelFormat,
      storageUri,
      ...(runtime === undefined ? {} : { runtime }),
      ...(resources === undefined ? {} : { resources }),
    },
  };
}
