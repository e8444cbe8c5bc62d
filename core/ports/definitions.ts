import type { JobParam } from './compute.ts';

/** One step of a data flow: what it reads and writes gives the order. */
export interface FlowTask {
  readonly name: string;
  readonly command: readonly string[];
  readonly params: Readonly<Record<string, JobParam>>;
  /** Asset URIs. A task runs after every task that writes what it reads. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Pool that isolates it; null for the far side's default. */
  readonly pool: string | null;
  readonly retries: number;
  readonly timeoutSeconds: number;
}

/** Declared data dependencies, from which a far side's pipeline is generated. */
export interface DataFlow {
  readonly description: string;
  /** `cron`: five fields, UTC. `assets`: runs when all of them have news. `manual`: runs when started. */
  readonly schedule:
    | { readonly kind: 'manual' }
    | { readonly kind: 'cron'; readonly cron: string }
    | { readonly kind: 'assets'; readonly assets: readonly string[] };
  /** A run that has not ended so many seconds after it was queued has missed its deadline; null for none. */
  readonly deadlineSeconds: number | null;
  readonly tasks: readonly FlowTask[];
}

/** A pipeline as we want the far side to have it. */
export interface PipelineDefinition {
  /** The name under which `Pipeline.start` finds it. */
  readonly name: string;
  readonly content:
    | { readonly kind: 'flow'; readonly flow: DataFlow }
    /** The far side's own format: a KFP pipeline spec, a SageMaker pipeline definition, a DAG file. */
    | { readonly kind: 'source'; readonly text: string };
}

export interface DefinitionChange {
  readonly name: string;
  readonly change: 'create' | 'update' | 'none';
  /** For a person: what would change, as a unified diff or a few lines. */
  readonly diff: string;
}

export interface DefinitionReading {
  readonly name: string;
  /** Digest of the content that is in force. */
  readonly digest: string;
  /** The far side's version of it; empty where it has none. */
  readonly version: string;
}

/** Pipelines that are ours on the far side; what is not ours is never touched. */
export interface Definitions {
  /** Dry run: what `put` would do. */
  plan(definition: PipelineDefinition): Promise<DefinitionChange>;
  /**
   * Makes it so, and returns when the far side can run it. Again with the same content changes nothing.
   * @throws OrreryError NAME_TAKEN when the name is not ours, SPEC_REJECTED with the far side's message,
   * OPERATION_UNSUPPORTED for a kind of content that it cannot take
   */
  put(definition: PipelineDefinition): Promise<DefinitionReading>;
  list(): Promise<readonly DefinitionReading[]>;
  /** Idempotent; returns when the far side has it no more. */
  remove(name: string): Promise<void>;
}
