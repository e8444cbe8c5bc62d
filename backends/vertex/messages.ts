import type { google } from '@google-cloud/aiplatform/build/protos/protos.js';

/** Google's own messages under short names. */
export type CustomJob = google.cloud.aiplatform.v1.ICustomJob;
export type CustomJobSpec = google.cloud.aiplatform.v1.ICustomJobSpec;
export type PipelineJob = google.cloud.aiplatform.v1.IPipelineJob;
export type PipelineTaskDetail = google.cloud.aiplatform.v1.IPipelineTaskDetail;
export type ArtifactList = google.cloud.aiplatform.v1.PipelineTaskDetail.IArtifactList;
export type TuningJob = google.cloud.aiplatform.v1.IHyperparameterTuningJob;
export type StudySpec = google.cloud.aiplatform.v1.IStudySpec;
export type ParameterSpec = google.cloud.aiplatform.v1.StudySpec.IParameterSpec;
export type Trial = google.cloud.aiplatform.v1.ITrial;
export type Endpoint = google.cloud.aiplatform.v1.IEndpoint;
export type DeployedModel = google.cloud.aiplatform.v1.IDeployedModel;
export type Model = google.cloud.aiplatform.v1.IModel;
export type Operation = google.longrunning.IOperation;
export type Timestamp = google.protobuf.ITimestamp;
export type Duration = google.protobuf.IDuration;
export type Struct = google.protobuf.IStruct;
export type Value = google.protobuf.IValue;

/** Milliseconds since 1970; null for a time that is not set. */
export function millis(time: Timestamp | null | undefined): number | null {
  if (time === null || time === undefined) return null;
  return Number(time.seconds ?? 0) * 1000 + (time.nanos ?? 0) / 1e6;
}

/** Seconds between two times, the second one or now; 0 while the first is not set. */
export function secondsBetween(
  start: Timestamp | null | undefined,
  end: Timestamp | null | undefined,
): number {
  const from = millis(start);
  return from === null ? 0 : Math.max(0, ((millis(end) ?? Date.now()) - from) / 1000);
}

export function toValue(json: unknown): Value {
  if (json === null || json === undefined) return { nullValue: 'NULL_VALUE' };
  if (typeof json === 'number') return { numberValue: json };
  if (typeof json === 'boolean') return { boolValue: json };
  if (typeof json === 'string') return { stringValue: json };
  if (Array.isArray(json)) return { listValue: { values: json.map(toValue) } };
  return { structValue: toStruct(json as Readonly<Record<string, unknown>>) };
}

/** Members that are undefined are left out, as in JSON. */
export function toStruct(json: Readonly<Record<string, unknown>>): Struct {
  const members = Object.entries(json).filter(([, member]) => member !== undefined);
  return { fields: Object.fromEntries(members.map(([name, member]) => [name, toValue(member)])) };
}
