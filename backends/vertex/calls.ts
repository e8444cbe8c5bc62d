/**
 * The calls that the ports make of Vertex AI. What is expected of a call is part of its answer: null
 * for what is not there, or for a name that is taken. Anything else throws with a code.
 */
import type {
  CustomJob,
  DeployedModel,
  Endpoint,
  Model,
  Operation,
  PipelineJob,
  TuningJob,
} from './messages.ts';

/** Work that is created, read, listed by its labels and cancelled. */
export interface WorkApi<Job> {
  create(job: Job): Promise<Job>;
  get(name: string): Promise<Job | null>;
  /** Newest first. */
  list(filter: string, itemsMax?: number): Promise<readonly Job[]>;
  /** Asks for the end; nothing when there is no such work, or it has ended. */
  cancel(name: string): Promise<void>;
}

export interface VertexApi {
  readonly customJobs: WorkApi<CustomJob>;
  readonly tuningJobs: WorkApi<TuningJob>;
  readonly pipelineJobs: Omit<WorkApi<PipelineJob>, 'create'> & {
    /** null when the id is taken. */
    create(id: string, job: PipelineJob): Promise<PipelineJob | null>;
  };
  readonly endpoints: {
    get(name: string): Promise<Endpoint | null>;
    list(filter: string): Promise<readonly Endpoint[]>;
    /** The operation that creates it; null when the id is taken. */
    create(id: string, endpoint: Endpoint): Promise<Operation | null>;
    /** null when the etag is no longer the present one. */
    update(endpoint: Endpoint, paths: readonly string[]): Promise<Endpoint | null>;
    /** The operation; null when the endpoint is busy with another one, or has this model already. */
    deploy(endpoint: string, deployedModel: DeployedModel): Promise<Operation | null>;
    /** The operation; null when the endpoint is busy with another one, or has no such model. */
    undeploy(endpoint: string, deployedModelId: string): Promise<Operation | null>;
  };
  readonly models: {
    get(name: string): Promise<Model | null>;
    /** The operation that uploads it; null when the id is taken. */
    upload(id: string, model: Model): Promise<Operation | null>;
  };
  readonly operations: {
    get(name: string): Promise<Operation | null>;
    /** Operations of a resource that are not done. */
    running(resource: string): Promise<readonly Operation[]>;
  };
  close(): Promise<void>;
}
