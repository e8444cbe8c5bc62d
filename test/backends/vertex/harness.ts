import { IN_TOTO_PAYLOAD_TYPE, releaseStatement } from '../../../core/evidence/dsse.ts';
import type { Harnesses } from '../../support/contract/all.ts';
import { openPorts, type Harness } from '../../support/contract/harness.ts';
import type { OpenSoak } from '../../support/soak-runs.ts';
import { openJobSoak, openRunSoak } from './kill-way.ts';
import { openVertex, PARENT, pipelineSpec, ROOT_URI } from './opened.ts';
import type { Opened } from './opened.ts';

const job = (version: string) => ({ command: ['train'], version, outputs: ['model.onnx'] });
const pipeline = (name: string) => ({ pipeline: name, params: {} });
const modelBytes = async (version: string) => Buffer.from(JSON.stringify({ model: version }));

async function open(more: object): Promise<Harness> {
  const opened = await openVertex({}, more);
  const { double, ports, signer } = opened;
  const table = Buffer.from('id,label\n1,0\n');
  double.world.objects.set('gs://elsewhere-1/table.csv', table);
  for (const name of ['succeeds', 'fails', 'runs-long']) {
    const text = JSON.stringify(pipelineSpec(name));
    double.world.objects.set(`${ROOT_URI}/pipelines/${name}.json`, Buffer.from(text));
  }
  const backend = openPorts({ ports: { ...ports, signer }, close: () => opened.close() });
  return {
    ...backend,
    job: { succeeds: job('succeeds'), fails: job('fails'), runsLong: job('runs-long') },
    pipeline: {
      succeeds: pipeline('succeeds'),
      fails: pipeline('fails'),
      runsLong: pipeline('runs-long'),
      retries: false,
      unknownRemoteId: (key) => `${PARENT}/pipelineJobs/${key}`,
    },
    tuning: {
      succeeds: job('succeeds'),
      runsLong: job('runs-long'),
      unknownRemoteId: () => `${PARENT}/hyperparameterTuningJobs/7`,
    },
    importable: {
      uri: 'gs://elsewhere-1/table.csv',
      bytes: table,
      missingUri: 'gs://elsewhere-1/nothing.csv',
    },
    modelBytes,
    cannot: ['mirror', 'sticky'],
    upstream: (version, route) => deploy(opened, version, route),
  };
}

/** A signed model of this version on the endpoint of the route. */
export async function deploy(opened: Opened, version: string, route: string): Promise<string> {
  const [model = '', region = ''] = route.split('.');
  const { artifacts, serving } = opened.ports;
  const modelRef = await artifacts.put(await modelBytes(version));
  const statement = releaseStatement({
    modelSha256: modelRef.sha256,
    model,
    version,
    author: 'ada',
    workflowId: `lifecycle/${model}/${version}`,
    reportSha256: 'b'.repeat(64),
    dataSha256: 'c'.repeat(64),
  });
  const payload = Buffer.from(JSON.stringify(statement));
  const envelope = await opened.signer.sign(IN_TOTO_PAYLOAD_TYPE, payload);
  const key = `${route}.${version}`;
  const { address } = await serving.deploy({ key, model, version, region, modelRef, envelope });
  return address ?? '';
}

export const harnesses: Harnesses = {
  'vertex in pipeline runs': { open: () => open({}) },
  'vertex by a launcher': { open: () => open({ launcherImage: 'launcher:2' }), ports: ['compute'] },
  'vertex as custom jobs': {
    open: () => open({ submit: 'custom-job' }),
    ports: ['compute', 'inventory'],
  },
};

export const soaks: Readonly<Record<string, OpenSoak>> = {
  'vertex jobs': openJobSoak,
  'vertex runs': openRunSoak,
};
