/**
 * What Katib's webhook accepts: the documented members of kubeflow.org/v1beta1 and the rules of
 * pkg/webhook/v1beta1/experiment/validator/validator.go (June 2026), as far as we use them.
 */
import { z } from 'zod';

const settings = z.array(z.strictObject({ name: z.string(), value: z.string() }));
const range = { min: z.string().min(1), max: z.string().min(1), step: z.string().optional() };
const parameter = z.discriminatedUnion('parameterType', [
  z.strictObject({
    name: z.string().min(1),
    parameterType: z.enum(['double', 'int']),
    feasibleSpace: z.strictObject({
      ...range,
      distribution: z.enum(['uniform', 'logUniform', 'normal', 'logNormal']).optional(),
    }),
  }),
  z.strictObject({
    name: z.string().min(1),
    parameterType: z.enum(['categorical', 'discrete']),
    feasibleSpace: z.strictObject({ list: z.array(z.string()).min(1) }),
  }),
]);
const template = z.strictObject({
  retain: z.boolean().optional(),
  primaryContainerName: z.string().min(1),
  primaryPodLabels: z.record(z.string(), z.string()).optional(),
  successCondition: z.string().min(1),
  failureCondition: z.string().min(1),
  trialParameters: z.array(
    z.strictObject({
      name: z.string().regex(/^[^{}]+$/),
      description: z.string(),
      reference: z.string().min(1),
    }),
  ),
  trialSpec: z.looseObject({
    apiVersion: z.string().min(1),
    kind: z.string().min(1),
    metadata: z
      .strictObject({
        labels: z.record(z.string(), z.string()).optional(),
        annotations: z.record(z.string(), z.string()).optional(),
      })
      .optional(),
  }),
});
const experiment = z.looseObject({
  metadata: z.looseObject({
    name: z
      .string()
      .regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/)
      .max(40),
  }),
  spec: z.strictObject({
    objective: z.strictObject({
      type: z.enum(['minimize', 'maximize']),
      goal: z.number().optional(),
      objectiveMetricName: z.string().min(1),
      additionalMetricNames: z.array(z.string()).optional(),
      metricStrategies: z
        .array(z.strictObject({ name: z.string(), value: z.enum(['min', 'max', 'latest']) }))
        .optional(),
    }),
    // The algorithms of Katib's own configuration that search for parameters.
    algorithm: z.strictObject({
      algorithmName: z.enum([
        'random',
        'grid',
        'bayesianoptimization',
        'tpe',
        'multivariate-tpe',
        'hyperband',
        'cmaes',
        'sobol',
        'pbt',
      ]),
      algorithmSettings: settings.optional(),
    }),
    earlyStopping: z
      .strictObject({
        algorithmName: z.enum(['medianstop']),
        algorithmSettings: settings.optional(),
      })
      .optional(),
    parallelTrialCount: z.int().min(1),
    maxTrialCount: z.int().min(1),
    maxFailedTrialCount: z.int().min(0),
    resumePolicy: z.enum(['Never', 'LongRunning', 'FromVolume']).optional(),
    parameters: z.array(parameter).min(1),
    metricsCollectorSpec: z
      .strictObject({ collector: z.strictObject({ kind: z.enum(['StdOut', 'Push']) }) })
      .optional(),
    trialTemplate: template,
  }),
});

const REFERENCE_OF_TRIAL = /^\$\{trialSpec\.(Name|Namespace|Kind|APIVersion)\}$/;

/** What is wrong with an Experiment; empty when nothing is. */
export function faultsOf(value: unknown): readonly string[] {
  const read = experiment.safeParse(value);
  if (!read.success) {
    return read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  }
  const { parallelTrialCount, maxTrialCount, maxFailedTrialCount, parameters, trialTemplate } =
    read.data.spec;
  const names = new Set(parameters.map(({ name }) => name));
  const placeholder = (name: string) => `\${trialParameters.${name}}`;
  const text = JSON.stringify(trialTemplate.trialSpec);
  const filled = trialTemplate.trialParameters.reduce(
    (told, { name }) => told.replaceAll(placeholder(name), 'test-value'),
    text,
  );
  const once = (list: readonly string[]) => new Set(list).size === list.length;
  const { trialParameters } = trialTemplate;
  const rules: readonly (readonly [boolean, string])[] = [
    [parallelTrialCount <= maxTrialCount, 'parallelTrialCount is more than maxTrialCount'],
    [maxFailedTrialCount <= maxTrialCount, 'maxFailedTrialCount is more than maxTrialCount'],
    [once(trialParameters.map(({ name }) => name)), 'trialParameters has a name twice'],
    [once(trialParameters.map(({ reference }) => reference)), 'a reference is there twice'],
    [
      trialParameters.every(
        ({ reference }) => names.has(reference) || REFERENCE_OF_TRIAL.test(reference),
      ),
      'a reference is no parameter',
    ],
    [
      trialParameters.every(({ name }) => text.includes(placeholder(name))),
      'a trial parameter is not in the template',
    ],
    [!/\$\{trialParameters\..+?\}/.test(filled), 'a placeholder is no trial parameter'],
    [isJson(filled), 'the template is no JSON once it is filled'],
  ];
  return rules.filter(([holds]) => !holds).map(([, fault]) => fault);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
