import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DsseEnvelope } from '../../core/evidence/dsse.ts';
import { until } from './until.ts';

const MAIN = join(import.meta.dirname, '../../serving/main.ts');

export interface ScorerFiles {
  readonly folder: string;
  readonly model: string;
  readonly version: string;
  readonly bytes: Uint8Array;
  readonly envelope: DsseEnvelope;
  readonly publicKey: string;
}

export interface ScorerEnd {
  readonly code: number | null;
  readonly stderr: string;
}

/**
 * The real scoring server as a child process. It is not run inside the tests' own context, whose
 * typed arrays differ from those that the ONNX runtime makes.
 */
export interface ScorerProcess {
  readonly child: ChildProcess;
  /** Resolves when the process has ended. */
  readonly ended: Promise<ScorerEnd>;
  /** `http://127.0.0.1:port`, once it listens. */
  url(): Promise<string>;
}

export async function spawnScorer(files: ScorerFiles): Promise<ScorerProcess> {
  const { folder } = files;
  await mkdir(folder, { recursive: true });
  const path = (name: string) => join(folder, name);
  await writeFile(path('model.onnx'), files.bytes);
  await writeFile(path('envelope.json'), JSON.stringify(files.envelope));
  await writeFile(path('signer.pub.pem'), files.publicKey);
  const child = spawn(process.execPath, [MAIN], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      ORRERY_MODEL_FILE: path('model.onnx'),
      ORRERY_ENVELOPE_FILE: path('envelope.json'),
      ORRERY_SIGNER_PUBLIC_KEY_FILE: path('signer.pub.pem'),
      ORRERY_MODEL: files.model,
      ORRERY_VERSION: files.version,
      ORRERY_PORT: '0',
      ORRERY_PORT_FILE: path('port.json'),
    },
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  const ended = new Promise<ScorerEnd>((resolve) => {
    child.on('close', (code) => resolve({ code, stderr }));
  });
  const url = async () => {
    const { port } = await until('the scoring server listens', async () => {
      const text = await readFile(path('port.json'), 'utf8').catch(() => null);
      return text === null ? null : (JSON.parse(text) as { port: number; pid: number });
    });
    return `http://127.0.0.1:${port}`;
  };
  return { child, ended, url };
}
