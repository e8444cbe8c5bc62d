import type { KfpServer } from './server/serve.ts';

const task = (component: string, after: readonly string[]) => ({
  cachingOptions: {},
  componentRef: { name: component },
  dependentTasks: after,
  taskInfo: { name: component },
});
const component = (artifact: string, type: string) => ({
  executorLabel: `exec-${artifact}`,
  outputDefinitions: {
    artifacts: { [artifact]: { artifactType: { schemaTitle: type, schemaVersion: '0.0.1' } } },
  },
});
const executor = { container: { image: 'example.invalid/step:1', command: ['step'] } };

/** A pipeline in KFP's intermediate representation; JSON is YAML. Its parameters steer the fake's Argo. */
export function samplePipeline(name: string, variant = 1): string {
  const parameters = {
    course: { parameterType: 'STRING', defaultValue: 'succeeds' },
    ms: { parameterType: 'NUMBER_INTEGER', isOptional: true },
    nonce: { parameterType: 'STRING', isOptional: true },
  };
  return JSON.stringify({
    pipelineInfo: { name, description: `variant ${variant}` },
    root: {
      inputDefinitions: { parameters },
      dag: { tasks: { prepare: task('prepare', []), train: task('train', ['prepare']) } },
    },
    components: {
      prepare: component('dataset', 'system.Dataset'),
      train: component('model', 'system.Model'),
    },
    deploymentSpec: { executors: { 'exec-dataset': executor, 'exec-model': executor } },
    schemaVersion: '2.1.0',
    sdkVersion: 'kfp-2.17.3',
  });
}

/** Puts the sample into the world as a person would, without a mark of ours. */
export async function uploadSample({ url }: KfpServer, name: string): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const made = await fetch(`${url}/apis/v2beta1/pipelines`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ display_name: name, name }),
  });
  const { pipeline_id: id } = (await made.json()) as { pipeline_id: string };
  const form = new FormData();
  form.set('uploadfile', new Blob([samplePipeline(name)]), 'pipeline.yaml');
  const query = new URLSearchParams({ pipelineid: id, name: 'v1' });
  const uploaded = await fetch(`${url}/apis/v2beta1/pipelines/upload_version?${query}`, {
    method: 'POST',
    body: form,
  });
  if (!uploaded.ok) throw new Error(await uploaded.text());
  return id;
}
