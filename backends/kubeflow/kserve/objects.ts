import type { Condition, KubernetesObject } from '../../connections/kubernetes/objects.ts';

/**
 * The members of objects that we write and read, as they are in JSON.
 *
 * InferenceService: kserve/kserve pkg/apis/serving/v1beta1, v0.17.0 and v0.20.0.
 * HTTPRoute, Gateway: kubernetes-sigs/gateway-api apis/v1, v1.6.3.
 * Revision: knative/serving pkg/apis/serving/v1, v0.48.1.
 */

export interface Predictor {
  /** Part of the names of its Deployment and Service; KServe 0.20 and later. */
  readonly name?: string;
  readonly minReplicas?: number;
  readonly maxReplicas?: number;
  /** Knative mode alone. */
  readonly canaryTrafficPercent?: number;
  readonly serviceAccountName?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly model: {
    readonly modelFormat: { readonly name: string; readonly version?: string };
    readonly storageUri: string;
    readonly runtime?: string;
    readonly resources?: {
      readonly requests: Readonly<Record<string, string>>;
      readonly limits: Readonly<Record<string, string>>;
    };
  };
}

export interface TrafficTarget {
  readonly revisionName?: string;
  readonly latestRevision?: boolean;
  readonly percent?: number;
}

export interface ModelStatus {
  readonly transitionStatus?:
    '' | 'UpToDate' | 'InProgress' | 'BlockedByFailedLoad' | 'InvalidSpec';
  readonly lastFailureInfo?: { readonly reason?: string; readonly message?: string };
}

export interface InferenceServiceStatus {
  readonly conditions?: readonly Condition[];
  readonly url?: string;
  readonly deploymentMode?: string;
  readonly modelStatus?: ModelStatus;
  readonly components?: {
    readonly predictor?: {
      readonly latestReadyRevision?: string;
      readonly latestCreatedRevision?: string;
      readonly latestRolledoutRevision?: string;
      readonly previousRolledoutRevision?: string;
      readonly traffic?: readonly TrafficTarget[];
    };
  };
  /** KServe 0.20 and later. `trafficPercent` repeats the spec, whatever is routed. */
  readonly canaryStatuses?: readonly {
    readonly name: string;
    readonly ready: boolean;
    readonly trafficPercent: number;
    readonly modelStatus?: ModelStatus;
  }[];
}

export interface InferenceServiceSpec {
  readonly predictor: Predictor;
  readonly canary?: readonly {
    readonly predictor: Predictor;
    readonly trafficPercent: number;
  }[];
}

export interface InferenceService extends KubernetesObject {
  readonly spec: InferenceServiceSpec;
  readonly status?: InferenceServiceStatus;
}

export interface Deployment extends KubernetesObject {
  readonly spec: {
    readonly replicas?: number;
    readonly template?: {
      readonly spec?: {
        readonly containers?: readonly { readonly name: string; readonly image?: string }[];
      };
    };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly Condition[];
  };
}

export interface BackendRef {
  readonly kind?: string;
  readonly name: string;
  readonly port?: number;
  readonly weight?: number;
}

export interface RequestMirror {
  readonly backendRef: BackendRef;
  readonly percent?: number;
  readonly fraction?: { readonly numerator: number; readonly denominator?: number };
}

export interface HttpRouteRule {
  readonly backendRefs?: readonly BackendRef[];
  readonly filters?: readonly {
    readonly type: string;
    readonly requestMirror?: RequestMirror;
  }[];
}

/** A condition of Gateway API, which says for which generation it was written. */
export interface RouteCondition extends Condition {
  readonly observedGeneration?: number;
}

export interface ParentReference {
  readonly namespace?: string;
  readonly name: string;
  readonly sectionName?: string;
}

export interface HttpRoute extends KubernetesObject {
  readonly spec: {
    readonly hostnames?: readonly string[];
    readonly parentRefs?: readonly ParentReference[];
    readonly rules?: readonly HttpRouteRule[];
  };
  readonly status?: {
    readonly parents?: readonly {
      readonly parentRef: ParentReference;
      readonly conditions?: readonly RouteCondition[];
    }[];
  };
}

export interface Gateway extends KubernetesObject {
  readonly spec: {
    readonly listeners: readonly {
      readonly name: string;
      readonly port: number;
      readonly protocol: string;
    }[];
  };
}

export interface Revision extends KubernetesObject {
  readonly status?: { readonly conditions?: readonly Condition[] };
}

const inNamespace = (api: string, namespace: string, kind: string, name: string) =>
  `/apis/${api}/namespaces/${namespace}/${kind}/${name}`;

/** Paths of the API server. */
export const paths = {
  inferenceServices: (namespace: string) =>
    `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices`,
  inferenceService: (namespace: string, name: string) =>
    inNamespace('serving.kserve.io/v1beta1', namespace, 'inferenceservices', name),
  deployment: (namespace: string, name: string) =>
    inNamespace('apps/v1', namespace, 'deployments', name),
  httpRoute: (namespace: string, name: string) =>
    inNamespace('gateway.networking.k8s.io/v1', namespace, 'httproutes', name),
  gateway: (namespace: string, name: string) =>
    inNamespace('gateway.networking.k8s.io/v1', namespace, 'gateways', name),
  revision: (namespace: string, name: string) =>
    inNamespace('serving.knative.dev/v1', namespace, 'revisions', name),
  crd: (name: string) => `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`,
} as const;
