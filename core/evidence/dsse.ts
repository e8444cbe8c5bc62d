import { utf8ToBytes } from '@noble/hashes/utils.js';

/** Dead Simple Signing Envelope v1 (secure-systems-lab/dsse, protocol.md). */
export interface DsseEnvelope {
  /** base64 */
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

/** An envelope's content after its signature was verified. */
export interface DsseStatement {
  readonly keyId: string;
  readonly payloadType: string;
  readonly payload: Uint8Array;
}

export const IN_TOTO_PAYLOAD_TYPE = 'application/vnd.in-toto+json';
export const IN_TOTO_STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
export const RELEASE_PREDICATE_TYPE = 'urn:orrery:release:v1';

/** The bytes that a DSSE signature covers: PAE(type, body) of dsse/protocol.md. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = utf8ToBytes(payloadType);
  const head = utf8ToBytes(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `);
  const out = new Uint8Array(head.length + payload.length);
  out.set(head);
  out.set(payload, head.length);
  return out;
}

/** What is signed for a release: an in-toto Statement v1 whose subject is the model file. */
export interface ReleaseStatement {
  readonly _type: typeof IN_TOTO_STATEMENT_TYPE;
  readonly subject: readonly {
    readonly name: string;
    readonly digest: { readonly sha256: string };
  }[];
  readonly predicateType: typeof RELEASE_PREDICATE_TYPE;
  readonly predicate: {
    readonly model: string;
    readonly version: string;
    readonly author: string;
    readonly workflowId: string;
    readonly reportSha256: string;
    readonly dataSha256: string;
  };
}

/** Binds the model file, by its digest, to the run, the data and the report that stand behind it. */
export function releaseStatement(facts: {
  readonly modelSha256: string;
  readonly model: string;
  readonly version: string;
  readonly author: string;
  readonly workflowId: string;
  readonly reportSha256: string;
  readonly dataSha256: string;
}): ReleaseStatement {
  const { modelSha256, ...predicate } = facts;
  return {
    _type: IN_TOTO_STATEMENT_TYPE,
    subject: [{ name: 'model.onnx', digest: { sha256: modelSha256 } }],
    predicateType: RELEASE_PREDICATE_TYPE,
    predicate,
  };
}
