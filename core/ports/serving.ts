import type { DsseEnvelope } from '../evidence/dsse.ts';
import type { ArtifactRef } from './artifacts.ts';

export interface DeploySpec {
  /** Name of the endpoint; deploying the same key and spec again answers with the same endpoint. */
  readonly key: string;
  readonly model: string;
  readonly version: string;
  readonly region: string;
  readonly modelRef: ArtifactRef;
  /** The server loads the file only if digest and signature verify. */
  readonly envelope: DsseEnvelope;
}

export interface EndpointReading {
  readonly key: string;
  readonly phase: 'starting' | 'ready' | 'failed' | 'gone';
  /**
   * `host:port`, once known; where servers have none of their own, the far side's name of it as
   * `<scheme>://<name>`, which its `traffic` port understands.
   */
  readonly address: string | null;
  readonly version: string;
  readonly reason: string;
  readonly logUri: string;
}

/** Deploys and reads a model server. */
export interface Serving {
  /**
   * Starts the server, or finds it under its key, and returns when it is ready.
   * @throws OrreryError NAME_TAKEN, MODEL_INVALID, SIGNATURE_INVALID, DEPLOY_FAILED
   */
  deploy(spec: DeploySpec): Promise<EndpointReading>;
  read(key: string): Promise<EndpointReading>;
  /** Drains and ends it; idempotent; returns when it is gone. */
  undeploy(key: string): Promise<void>;
}
