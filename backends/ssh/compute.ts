import { OrreryError } from '../../core/errors.ts';
import type { ArtifactRef } from '../../core/ports/artifacts.ts';
import type { Compute, JobIntent, JobReading, JobStart } from '../../core/ports/compute.ts';
import { isTerminal, revisionFor, stopAndRead, waitForNews } from '../connections/polling.ts';
import { fetchOutput, sendInputs } from './files.ts';
import type { Host } from './host.ts';
import { checked, payloadOf } from './payload.ts';
import { toldBy } from './reading.ts';
import { createWaiting } from './waiting.ts';
import type { Told } from './reading.ts';
import type { SshSettings } from './settings.ts';

/** Waiting happens on the host, so the next call comes at once. */
const PACE = { pollMs: 0 };
/** How long one look after a stop waits for the end, milliseconds. */
const STOP_WAIT_MS = 20_000;

const LOST: Omit<JobReading, 'logUri'> = {
  phase: 'lost',
  revision: revisionFor('lost'),
  progress: null,
  exit: null,
  billableSeconds: 0,
  outputs: {},
  reason: 'the host has no job under this key',
};

/** Jobs as folders on one host; what host.sh says at its top is how they live and end. */
export function createCompute(settings: SshSettings, host: Host): Compute {
  const read = createWaiting(async (key, since, waitMs) =>
    toldBy(
      await host.ask({
        action: `read the job ${key}`,
        order: 'read',
        words: [checked(key, 'the key'), String(since), String(waitMs)],
      }),
    ),
  );
  const logUri = (key: string) => host.address(`${remoteId(settings, key)}/log`);
  const readingOf = async (key: string, told: Told | null): Promise<JobReading> => {
    if (told === null) return { ...LOST, logUri: logUri(key) };
    const { spec: _spec, labels: _labels, startedAt: _at, outputs, ...reading } = told;
    const refs: Record<string, ArtifactRef> = {};
    for (const output of outputs) {
      refs[output.name] = await fetchOutput(host, settings.store, { key, ...output });
    }
    return { ...reading, outputs: refs, logUri: logUri(key) };
  };
  return {
    start: (intent) => start(settings, host, intent, () => read(intent.key)),
    async read({ key }, wait) {
      const until = Date.now() + (wait?.waitMs ?? 0);
      const next = async () => {
        return readingOf(key, await read(key, wait?.since, Math.max(until - Date.now(), 0)));
      };
      return waitForNews(next, wait, PACE);
    },
    async requestCheckpoint({ key }) {
      const action = `ask the job ${key} for a checkpoint`;
      await host.ask({ action, order: 'checkpoint', words: [checked(key, 'the key')] });
    },
    async stop({ key }) {
      let waitMs = 0;
      return stopAndRead(
        async () => readingOf(key, await read(key, revisionFor('running', Infinity), waitMs)),
        async () => {
          await host.ask({ action: `stop the job ${key}`, order: 'stop', words: [key] });
          waitMs = STOP_WAIT_MS;
        },
        PACE,
      );
    },
  };
}

export function remoteId({ root }: Pick<SshSettings, 'root'>, key: string): string {
  return `${root}/jobs/${key}`;
}

async function start(
  settings: SshSettings,
  host: Host,
  intent: JobIntent,
  read: () => Promise<Told | null>,
): Promise<JobStart> {
  const { key, spec, specDigest } = intent;
  const { text, sha256 } = payloadOf(intent, settings.root);
  // Inputs are large: they are not sent for a job that is there.
  if ((await read()) === null) await sendInputs(host, Object.values(spec.inputs));
  const lines = await host.ask({
    action: `start the job ${key}`,
    order: 'start',
    words: [key, specDigest, sha256],
    send: async (to) => to.end(text),
  });
  const outcome = lines.find(([name]) => name === 'outcome')?.[1];
  if (outcome === 'taken') {
    throw new OrreryError(
      'NAME_TAKEN',
      `Cannot start the job ${key}: its folder on the host holds another spec, wanted ${specDigest}`,
    );
  }
  const phase = toldBy(lines)?.phase ?? 'lost';
  const handle = { key, remoteId: remoteId(settings, key) };
  if (outcome === 'created') return { handle, outcome };
  const dead = isTerminal(phase) && phase !== 'succeeded';
  return { handle, outcome: dead ? 'dead' : 'adopted' };
}
