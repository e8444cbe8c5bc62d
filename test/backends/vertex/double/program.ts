/** What the program of a job does at its end: it writes its outputs and their manifest into the store. */
import { createHash } from 'node:crypto';
import type { JobResource, VertexWorld } from './world.ts';
import type { Message } from './protos.ts';

export type Env = Readonly<Record<string, string>>;

/** Environment of the first worker pool's container. */
export function envOf(jobSpec: Message): Env {
  const [pool] = (jobSpec['workerPoolSpecs'] ?? []) as Message[];
  const container = (pool?.['containerSpec'] ?? {}) as Message;
  const entries = (container['env'] ?? []) as { name: string; value?: string }[];
  return Object.fromEntries(entries.map(({ name, value }) => [name, value ?? '']));
}

/** Leaves the outputs of a job that has succeeded, once. */
export function settleJob(world: VertexWorld, job: JobResource): void {
  const state = job.life.stateAt(world.now());
  if (job.settled || (state !== 'SUCCEEDED' && state !== 'PARTIALLY_SUCCEEDED')) return;
  job.settled = true;
  const env = envOf((job.message['jobSpec'] ?? {}) as Message);
  const prefix = env['ORRERY_OUTPUT_URI'];
  if (prefix === undefined) return;
  const names = JSON.parse(env['ORRERY_OUTPUTS_JSON'] ?? '[]') as string[];
  const written = names.filter((name) => job.life.course.forgets?.includes(name) !== true);
  const outputs = written.map((name) => {
    const uri = `${prefix}/${name}`;
    const bytes = Buffer.from(`${name} of ${env['ORRERY_JOB_KEY']}`);
    world.objects.set(uri, bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return [name, { uri, sha256, bytes: bytes.length }] as const;
  });
  world.objects.set(
    `${prefix}/outputs.json`,
    Buffer.from(JSON.stringify({ outputs: Object.fromEntries(outputs), metrics: { loss: 0.25 } })),
  );
}
