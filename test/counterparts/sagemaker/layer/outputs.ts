import { createHash } from 'node:crypto';

export type PutObject = (uri: string, body: string) => Promise<void>;

/** The parts of a request that say what its program leaves. */
interface Declaring {
  readonly Environment?: Readonly<Record<string, string>> | undefined;
}

/**
 * What the service uploads when the program of docs/jobs.md has ended with 0: each declared output
 * and the manifest. The scripted program writes its own name and job key into every file.
 */
export async function writeOutputs(
  put: PutObject,
  uri: string,
  { Environment = {} }: Declaring,
): Promise<void> {
  const names = JSON.parse(Environment['ORRERY_OUTPUTS_JSON'] ?? '[]') as readonly string[];
  const outputs: Record<string, object> = {};
  for (const name of names) {
    const body = `${name} of ${Environment['ORRERY_JOB_KEY']}`;
    await put(`${uri}/${name}`, body);
    const sha256 = createHash('sha256').update(body).digest('hex');
    outputs[name] = { uri: `${uri}/${name}`, sha256, bytes: Buffer.byteLength(body) };
  }
  await put(`${uri}/outputs.json`, JSON.stringify({ outputs }));
}
