import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { IN_TOTO_PAYLOAD_TYPE, releaseStatement } from '../../../core/evidence/dsse.ts';
import type { DeploySpec, Serving } from '../../../core/ports/serving.ts';
import {
  expectCode,
  freshName,
  needed,
  portOf,
  type Harness,
  type OpenHarness,
} from './harness.ts';

/** The promises of core/ports/serving.ts. Needs the ports `artifacts` and `signer` beside it. */
export function describeServingContract(name: string, open: OpenHarness): void {
  describe(`serving of ${name}`, () => {
    let harness: Harness;
    let serving: Serving;
    beforeAll(async () => {
      harness = await open();
      serving = portOf(harness, 'serving');
    });
    afterAll(() => harness.close());

    const specFor = async (version: string, bytes?: Uint8Array): Promise<DeploySpec> => {
      const model = 'contract';
      const content = bytes ?? (await needed(harness.modelBytes, 'modelBytes')(version));
      const modelRef = await portOf(harness, 'artifacts').put(content);
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
      const envelope = await portOf(harness, 'signer').sign(IN_TOTO_PAYLOAD_TYPE, payload);
      return { key: freshName('e'), model, version, region: 'eu-west', modelRef, envelope };
    };

    it('deploy answers with a ready endpoint, and read tells the same', async () => {
      const spec = await specFor('v1');
      const reading = await serving.deploy(spec);
      expect(reading).toMatchObject({ key: spec.key, phase: 'ready', version: 'v1' });
      expect(reading.address).toMatch(/^([^:/]+:\d+|[a-z]+:\/\/.+)$/);
      expect(await serving.read(spec.key)).toEqual(reading);
      await serving.undeploy(spec.key);
    });

    it('deploy of the same key and spec, again or at once, answers with the same endpoint', async () => {
      const spec = await specFor('v1');
      const [one, other] = await Promise.all([serving.deploy(spec), serving.deploy(spec)]);
      expect(other.address).toBe(one.address);
      expect((await serving.deploy(spec)).address).toBe(one.address);
      await serving.undeploy(spec.key);
    });

    it('deploy of another file under a live key is NAME_TAKEN, and the endpoint stays', async () => {
      const spec = await specFor('v1');
      const { address } = await serving.deploy(spec);
      const other = { ...(await specFor('v2')), key: spec.key };
      await expectCode(serving.deploy(other), 'NAME_TAKEN');
      expect(await serving.read(spec.key)).toMatchObject({ phase: 'ready', address });
      await serving.undeploy(spec.key);
    });

    it('deploy refuses a file that is not the signed one with MODEL_INVALID', async () => {
      const signed = await specFor('v1');
      const { modelRef } = await specFor('v2');
      await expectCode(serving.deploy({ ...signed, modelRef }), 'MODEL_INVALID');
    });

    it('deploy refuses a statement for another version with SIGNATURE_INVALID', async () => {
      const signed = await specFor('v1');
      await expectCode(serving.deploy({ ...signed, version: 'v2' }), 'SIGNATURE_INVALID');
    });

    it('deploy refuses a changed envelope with SIGNATURE_INVALID', async () => {
      const spec = await specFor('v1');
      const payload = Buffer.from('{"subject":[]}').toString('base64');
      await expectCode(
        serving.deploy({ ...spec, envelope: { ...spec.envelope, payload } }),
        'SIGNATURE_INVALID',
      );
    });

    it('deploy refuses a truncated model with MODEL_INVALID, though it is signed', async () => {
      if (harness.loadsModels === false) return;
      const whole = await needed(harness.modelBytes, 'modelBytes')('v1');
      const half = await specFor('v1', whole.slice(0, Math.floor(whole.length / 2)));
      await expectCode(serving.deploy(half), 'MODEL_INVALID');
      expect((await serving.read(half.key)).phase).not.toBe('ready');
    });

    it('undeploy ends the endpoint, and again changes nothing', async () => {
      const spec = await specFor('v1');
      await serving.deploy(spec);
      await serving.undeploy(spec.key);
      expect((await serving.read(spec.key)).phase).toBe('gone');
      await serving.undeploy(spec.key);
      await serving.undeploy(freshName('never'));
    });

    it('deploy under the key of an endpoint that is gone serves again', async () => {
      const spec = await specFor('v1');
      await serving.deploy(spec);
      await serving.undeploy(spec.key);
      expect((await serving.deploy(spec)).phase).toBe('ready');
      await serving.undeploy(spec.key);
    });

    it('read of a key that nobody deployed is gone', async () => {
      expect((await serving.read(freshName('never'))).phase).toBe('gone');
    });
  });
}
