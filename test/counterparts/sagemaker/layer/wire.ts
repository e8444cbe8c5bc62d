import type * as sdk from '@aws-sdk/client-sagemaker';

/** A value of the SDK's typings as AWS JSON 1.1 carries it: times are seconds since 1970. */
export type Wire<T> = T extends Date
  ? number
  : T extends readonly (infer Item)[]
    ? Wire<Item>[]
    : T extends object
      ? { [Key in keyof T]: Wire<T[Key]> }
      : T;

/** The operations that the layer answers or mends, held to the SDK's typings. */
export interface Operations {
  CreateTrainingJob: [sdk.CreateTrainingJobRequest, sdk.CreateTrainingJobResponse];
  DescribeTrainingJob: [sdk.DescribeTrainingJobRequest, sdk.DescribeTrainingJobResponse];
  ListTrainingJobs: [sdk.ListTrainingJobsRequest, sdk.ListTrainingJobsResponse];
  StopTrainingJob: [sdk.StopTrainingJobRequest, object];
  CreateProcessingJob: [sdk.CreateProcessingJobRequest, sdk.CreateProcessingJobResponse];
  DescribeProcessingJob: [sdk.DescribeProcessingJobRequest, sdk.DescribeProcessingJobResponse];
  ListProcessingJobs: [sdk.ListProcessingJobsRequest, sdk.ListProcessingJobsResponse];
  StopProcessingJob: [sdk.StopProcessingJobRequest, object];
  CreateHyperParameterTuningJob: [
    sdk.CreateHyperParameterTuningJobRequest,
    sdk.CreateHyperParameterTuningJobResponse,
  ];
  DescribeHyperParameterTuningJob: [
    sdk.DescribeHyperParameterTuningJobRequest,
    sdk.DescribeHyperParameterTuningJobResponse,
  ];
  ListHyperParameterTuningJobs: [
    sdk.ListHyperParameterTuningJobsRequest,
    sdk.ListHyperParameterTuningJobsResponse,
  ];
  ListTrainingJobsForHyperParameterTuningJob: [
    sdk.ListTrainingJobsForHyperParameterTuningJobRequest,
    sdk.ListTrainingJobsForHyperParameterTuningJobResponse,
  ];
  StopHyperParameterTuningJob: [sdk.StopHyperParameterTuningJobRequest, object];
  StartPipelineExecution: [sdk.StartPipelineExecutionRequest, sdk.StartPipelineExecutionResponse];
  DescribePipelineExecution: [
    sdk.DescribePipelineExecutionRequest,
    sdk.DescribePipelineExecutionResponse,
  ];
  ListPipelineExecutions: [sdk.ListPipelineExecutionsRequest, sdk.ListPipelineExecutionsResponse];
  ListPipelineExecutionSteps: [
    sdk.ListPipelineExecutionStepsRequest,
    sdk.ListPipelineExecutionStepsResponse,
  ];
  StopPipelineExecution: [sdk.StopPipelineExecutionRequest, sdk.StopPipelineExecutionResponse];
  RetryPipelineExecution: [sdk.RetryPipelineExecutionRequest, sdk.RetryPipelineExecutionResponse];
  SendPipelineExecutionStepFailure: [
    sdk.SendPipelineExecutionStepFailureRequest,
    sdk.SendPipelineExecutionStepFailureResponse,
  ];
  CreateModel: [sdk.CreateModelInput, sdk.CreateModelOutput];
  CreateEndpointConfig: [sdk.CreateEndpointConfigInput, sdk.CreateEndpointConfigOutput];
  DescribeEndpointConfig: [sdk.DescribeEndpointConfigInput, sdk.DescribeEndpointConfigOutput];
  CreateEndpoint: [sdk.CreateEndpointInput, sdk.CreateEndpointOutput];
  DescribeEndpoint: [sdk.DescribeEndpointInput, sdk.DescribeEndpointOutput];
  UpdateEndpoint: [sdk.UpdateEndpointInput, sdk.UpdateEndpointOutput];
  UpdateEndpointWeightsAndCapacities: [
    sdk.UpdateEndpointWeightsAndCapacitiesInput,
    sdk.UpdateEndpointWeightsAndCapacitiesOutput,
  ];
  DeleteEndpoint: [sdk.DeleteEndpointInput, object];
}
export type OperationName = keyof Operations;
export type Input<Name extends OperationName> = Wire<Operations[Name][0]>;
export type Output<Name extends OperationName> = Wire<Omit<Operations[Name][1], '$metadata'>>;

/** Asks moto with the caller's own headers. */
export type AskMoto = (operation: string, input: object) => Promise<object>;
export type Handler<Name extends OperationName> = (
  input: Input<Name>,
  moto: AskMoto,
) => Promise<Output<Name>>;
/** Handlers of a topic; an operation without one goes to moto as it is. */
export type Handlers<Name extends OperationName = OperationName> = {
  readonly [Each in Name]: Handler<Each>;
};

/** An error as AWS JSON 1.1 carries it. */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly type: string;
  readonly status: number;

  constructor(type: string, message: string, status = 400) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

/** `arn:aws:sagemaker:eu-west-1:123456789012:training-job/name` → `name`, with what follows it. */
export function nameOfArn(arn: string): string {
  return arn.slice(arn.indexOf('/') + 1);
}
