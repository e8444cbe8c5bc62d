/** A world of Kubeflow Pipelines behind a faulting proxy, and workers that reach it through that. */
import { afterAll, beforeAll, expect } from '@jest/globals';

import type { KfpApi } from '../../../backends/kubeflow/kfp/api.ts';
import { KfpPipeline } from '../../../backends/kubeflow/pipeline.ts';
import { OrreryError } from '../../../core/errors.ts';
import type { PipelineIntent, PipelineStart } from '../../../core/ports/pipeline.ts';
import { freshName, pipelineIntent } from '../../support/contract/harness.ts';
import { startFaultProxy, type FaultProxy, type ProxyFault } from '../../support/fault-proxy.ts';
import { scriptedFaults } from '../../support/fault-script.ts';
import { until } from '../../support/until.ts';
import { openKfp, SAMPLE, startKfp } from './open.ts';
import type { KfpServer } from './server/serve.ts';
import type { Point } from './server/world.ts';

/** The create of a run, as `method path`. */
export const CREATE = /^POST \/apis\/v2beta1\/runs$/;

export class FaultyKfp {
  server!: KfpServer;
  proxy!: FaultProxy;
  readonly #opened: KfpApi[] = [];

  async begin(): Promise<void> {
    this.server = await startKfp();
    this.proxy = await startFaultProxy({ upstream: this.server.url });
  }

  /** The contract must have held all the time. */
  async end(): Promise<void> {
    for (const api of this.#opened) await api.close();
    await this.proxy.close();
    await this.server.close();
    expect(this.server.violations).toEqual([]);
  }

  async open(settings: object = {}): Promise<KfpApi> {
    const api = await openKfp(this.proxy.url, settings);
    this.#opened.push(api);
    return api;
  }

  /** Another worker: it knows nothing that is not on the far side. */
  async worker(settings: object = {}): Promise<KfpPipeline> {
    return new KfpPipeline(await this.open(settings));
  }

  /** Strikes the API server once, in a call about this run. */
  strikeOnce(point: Point, strike: 'crash' | number, key: string): void {
    let struck = false;
    this.server.world.strike = (at, runName) => {
      if (struck || at !== point || runName !== key) return null;
      struck = true;
      return strike;
    };
  }

  faultOnce(on: RegExp, fault: ProxyFault): void {
    this.proxy.decide(scriptedFaults([{ on, fault }]));
  }

  /** How many workflows were ever made under a key. */
  made(key: string): number {
    return this.server.world.ledger().get(key)?.made ?? 0;
  }
}

/** A world for all tests of the file. */
export function useFaultyKfp(): FaultyKfp {
  const kfp = new FaultyKfp();
  beforeAll(() => kfp.begin());
  afterAll(() => kfp.end());
  return kfp;
}

/** A run of the sample; `course` is what the fake's Argo does with it. */
export function intentOf(course: string, more: object = {}): PipelineIntent {
  const intent = pipelineIntent({ pipeline: SAMPLE, params: { course } }, freshName(course));
  return { ...intent, spec: { ...intent.spec, ...more } };
}

/** As an activity's retries do. */
export async function startPatiently(
  pipeline: KfpPipeline,
  intent: PipelineIntent,
): Promise<PipelineStart> {
  return until<PipelineStart>('the run is started', async () => {
    try {
      return await pipeline.start(intent);
    } catch (error) {
      if (error instanceof OrreryError && error.code === 'BACKEND_UNAVAILABLE') return null;
      throw error;
    }
  });
}
