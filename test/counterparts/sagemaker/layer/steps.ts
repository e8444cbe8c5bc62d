import type { Output } from './wire.ts';

/** A step of a definition. */
export interface Step {
  readonly name: string;
  readonly type: string;
}
export type StepReading = NonNullable<
  Output<'ListPipelineExecutionSteps'>['PipelineExecutionSteps']
>[number];

/** A step that ran again takes the place of its earlier reading. */
export function put(readings: StepReading[], reading: StepReading): void {
  const at = readings.findIndex(({ StepName }) => StepName === reading.StepName);
  if (at === -1) readings.push(reading);
  else readings[at] = reading;
}

export function stepsOf(definition: string): readonly Step[] {
  const { Steps = [] } = JSON.parse(definition) as {
    Steps?: readonly { Name: string; Type: string }[];
  };
  return Steps.map(({ Name, Type }) => ({ name: Name, type: Type }));
}

export function metadataOf(arn: string, name: string, type: string): StepReading['Metadata'] {
  const [account] = arn.split(':pipeline/');
  const id = `${arn.split('/').at(-1)}-${name}`;
  switch (type) {
    case 'Training':
      return { TrainingJob: { Arn: `${account}:training-job/${id}` } };
    case 'Processing':
      return { ProcessingJob: { Arn: `${account}:processing-job/${id}` } };
    case 'Model':
      return { Model: { Arn: `${account}:model/${id}` } };
    case 'Callback':
      return {
        Callback: { CallbackToken: Buffer.from(`${arn} ${name}`).toString('base64url') },
      };
    default:
      return {};
  }
}
