import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { backend } from '../../../backends/sagemaker/index.ts';
import type { Ports } from '../../../core/backend.ts';
import { IN_TOTO_PAYLOAD_TYPE, releaseStatement } from '../../../core/evidence/dsse.ts';
import type { Signer } from '../../../core/ports/signer.ts';
import { signEnvelope, verifyEnvelope } from '../../../kernels/evidence/dsse.ts';
import { generateSignerKey } from '../../../kernels/evidence/keys.ts';
import type { Harnesses } from '../../support/contract/all.ts';
import { freshName, openPorts, type Harness } from '../../support/contract/harness.ts';
import type { OpenSoak } from '../../support/soak-runs.ts';
import { BUCKET, openTestLayer, putText, REGION, settingsFor } from './far-side.ts';
import { openJobSoak, openRunSoak } from './kill-way.ts';
import { onnxBytes } from './onnx-bytes.ts';
import { definitionText, livingJob } from './works.ts';

export const harnesses: Harnesses = { 'SageMaker on moto': { open: openSagemaker } };
export const soaks: Readonly<Record<string, OpenSoak>> = {
  'jobs of SageMaker': openJobSoak,
  'pipeline runs of SageMaker': openRunSoak,
};

const ACCOUNT = '123456789012';

/** The backend on moto, with the layer before it. */
async function openSagemaker(): Promise<Harness> {
  const layer = await openTestLayer();
  const folder = await mkdtemp(join(tmpdir(), 'orrery-sagemaker-'));
  const keys = generateSignerKey();
  const keyFile = join(folder, 'signer.pub.pem');
  await writeFile(keyFile, keys.publicKey);
  const opened = openPorts(
    await backend.open(settingsFor(layer.url, { trustedKeyFiles: [keyFile] })),
  );
  const table = 'id,label\n1,0\n';
  const uri = await putText(layer.url, `elsewhere/${freshName('table')}.csv`, table);
  const pipeline = freshName('pipeline');
  await opened.ports.definitions?.put({
    name: pipeline,
    content: { kind: 'source', text: definitionText() },
  });
  const run = (life: object) => ({ pipeline, params: { life: JSON.stringify(life) } });
  return {
    ...opened,
    // SageMaker signs nothing; its serving wants to see what one of the trusted keys has signed.
    ports: { ...opened.ports, signer: signerOf(keys) },
    job: {
      succeeds: livingJob({}),
      fails: livingJob({ exitCode: 3 }),
      runsLong: livingJob({ trainingSeconds: 1e6 }),
    },
    pipeline: {
      succeeds: run({}),
      fails: run({ fails: 'train', failures: 9 }),
      runsLong: run({ stepSeconds: 1e6 }),
      retries: true,
      unknownRemoteId: (key) =>
        `arn:aws:sagemaker:${REGION}:${ACCOUNT}:pipeline/${pipeline}/execution/${key.slice(0, 12)}`,
    },
    tuning: {
      succeeds: livingJob({}),
      runsLong: livingJob({ trainingSeconds: 1e6 }),
      unknownRemoteId: (key) =>
        `arn:aws:sagemaker:${REGION}:${ACCOUNT}:hyper-parameter-tuning-job/${key.slice(0, 32)}`,
    },
    definition: (variant) => ({ kind: 'source', text: definitionText(variant) }),
    importable: {
      uri,
      bytes: new TextEncoder().encode(table),
      missingUri: `s3://${BUCKET}/elsewhere/nothing.csv`,
    },
    modelBytes: async (version) => onnxBytes(version),
    upstream: (version) => deployed(opened.ports, keys, version),
    cannot: ['sticky'],
    close: async () => {
      await opened.close();
      await layer.close();
      await rm(folder, { recursive: true });
    },
  };
}

type Keys = ReturnType<typeof generateSignerKey>;

function signerOf({ privateKey, publicKey }: Keys): Signer {
  return {
    sign: async (type, payload) => signEnvelope(privateKey, type, payload),
    verify: async (envelope) => verifyEnvelope(publicKey, envelope),
    approver: async () => null,
  };
}

/** The address of a model that is there. */
async function deployed(ports: Partial<Ports>, keys: Keys, version: string): Promise<string> {
  const modelRef = await ports.artifacts!.put(onnxBytes(version));
  const model = 'upstream';
  const statement = releaseStatement({
    modelSha256: modelRef.sha256,
    model,
    version,
    author: 'ada',
    workflowId: `lifecycle/${model}/${version}`,
    reportSha256: 'b'.repeat(64),
    dataSha256: 'c'.repeat(64),
  });
  const payload = new TextEncoder().encode(JSON.stringify(statement));
  const envelope = signEnvelope(keys.privateKey, IN_TOTO_PAYLOAD_TYPE, payload);
  const spec = { key: freshName('up'), model, version, region: 'eu-west', modelRef, envelope };
  return (await ports.serving!.deploy(spec)).address!;
}
