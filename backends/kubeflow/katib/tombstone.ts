import { z } from 'zod';

import { LABELS } from '../../../core/labels.ts';
import type { TuningReading } from '../../../core/ports/tuning.ts';
import type { KubernetesClient } from '../../connections/kubernetes/client.ts';
import type { KubernetesObject } from '../../connections/kubernetes/objects.ts';
import { isTerminal, revisionFor } from '../../connections/polling.ts';
import type { Experiment } from './objects.ts';

/**
 * An Experiment cannot be suspended, and one that is deleted leaves its name free and its end
 * unknown. So a ConfigMap of the same name is written before it is deleted, and stays: it says
 * that we ended the search, why, and what its trials had told until then.
 */
export interface Tombstone {
  /** Of the Experiment. */
  readonly uid: string;
  readonly spec: string;
  readonly cause: 'stop' | 'timeout';
  readonly trials: TuningReading['trials'];
  readonly best: TuningReading['best'];
  readonly billableSeconds: number;
}

interface ConfigMap extends KubernetesObject {
  readonly data?: Readonly<Record<string, string>>;
}

const trial = z.object({
  name: z.string(),
  phase: z.enum(['pending', 'running', 'succeeded', 'failed', 'cancelled', 'lost', 'stopped']),
  params: z.record(z.string(), z.union([z.string(), z.number()])),
  value: z.number().nullable(),
  reason: z.string(),
});
const tombstone = z.object({
  uid: z.string(),
  spec: z.string(),
  cause: z.enum(['stop', 'timeout']),
  trials: z.array(trial),
  best: trial.nullable(),
  billableSeconds: z.number(),
});

const path = (namespace: string) => `/api/v1/namespaces/${namespace}/configmaps`;

/** null when there is none. */
export async function readTombstone(
  client: KubernetesClient,
  name: string,
): Promise<Tombstone | null> {
  const held = await client.get<ConfigMap>(`${path(client.namespace)}/${encodeURIComponent(name)}`);
  return tombstone.safeParse(jsonOf(held?.data?.['end'])).data ?? null;
}

/** Whoever writes it first decides the cause; a second one is left out. */
export async function writeTombstone(
  client: KubernetesClient,
  { metadata }: Experiment,
  { trials, best, billableSeconds }: TuningReading,
  cause: Tombstone['cause'],
): Promise<void> {
  const { labels = {}, name, uid } = metadata;
  const end: Tombstone = {
    uid,
    spec: labels[LABELS.spec] ?? '',
    cause,
    trials,
    best,
    billableSeconds,
  };
  await client.create(path(client.namespace), {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: client.namespace, labels },
    data: { end: JSON.stringify(end) },
    immutable: true,
  });
}

/** What is told once nothing of the search is left. */
export function endOf({ cause, trials, best, billableSeconds }: Tombstone, logUri: string) {
  const phase = cause === 'stop' ? 'cancelled' : 'failed';
  return {
    phase,
    revision: revisionFor(phase),
    trials: trials.map((told) =>
      told.phase === 'stopped' || isTerminal(told.phase)
        ? told
        : { ...told, phase: 'cancelled' as const, reason: 'the search was stopped' },
    ),
    best,
    billableSeconds,
    reason:
      cause === 'stop'
        ? 'its Experiment was deleted after it was asked to stop, and nothing of it is left'
        : 'it was over its time limit: its Experiment was deleted, and nothing of it is left',
    logUri,
  } satisfies TuningReading;
}

function jsonOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return null;
  }
}
