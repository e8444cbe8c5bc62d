import { readFileSync, writeFileSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { OrreryError } from '../core/errors.ts';

/** A port of this installation: the variable that fixes it, and the one tried first otherwise. */
interface PortWish {
  readonly variable: string;
  readonly preferred: number;
}

export const PORT_WISHES = {
  temporal: { variable: 'ORRERY_TEMPORAL_PORT', preferred: 7233 },
  temporalUi: { variable: 'ORRERY_TEMPORAL_UI_PORT', preferred: 8233 },
  api: { variable: 'ORRERY_API_PORT', preferred: 7480 },
} as const satisfies Record<string, PortWish>;

export type PortsChosen = Record<keyof typeof PORT_WISHES, number>;

/**
 * Chooses ports once and remembers them in a file, so that a restart keeps its addresses. A port
 * that a variable fixes is taken as it is. With ORRERY_PORTS=free the preferred ones are not tried,
 * so that several installations that start at once do not reach for the same.
 *
 * @param running the ports of services that run already, which are ours and so not free
 * @throws OrreryError PORT_IN_USE when a fixed port is taken
 */
export async function choosePorts(file: string, running: boolean): Promise<PortsChosen> {
  const remembered = readChosen(file);
  if (running && remembered !== null) return remembered;
  const chosen = {} as PortsChosen;
  for (const [name, wish] of Object.entries(PORT_WISHES)) {
    chosen[name as keyof PortsChosen] = await choose(wish, remembered?.[name as keyof PortsChosen]);
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(chosen));
  return chosen;
}

async function choose(
  { variable, preferred }: PortWish,
  remembered: number | undefined,
): Promise<number> {
  const fixed = process.env[variable];
  if (fixed !== undefined) {
    const port = Number(fixed);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new OrreryError(
        'SETTINGS_INVALID',
        `Cannot listen on "${fixed}" (${variable}): wanted a port, 1–65535`,
      );
    }
    if (await isFree(port)) return port;
    throw new OrreryError(
      'PORT_IN_USE',
      `Cannot listen on 127.0.0.1:${fixed} (${variable}): another process does`,
    );
  }
  const wished = process.env['ORRERY_PORTS'] === 'free' ? [remembered] : [remembered, preferred];
  for (const port of wished) {
    if (port !== undefined && (await isFree(port))) return port;
  }
  return freePort();
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port: 0, host: '127.0.0.1' }, () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null
          ? resolve(address.port)
          : reject(new Error('no port')),
      );
    });
  });
}

function readChosen(file: string): PortsChosen | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as PortsChosen;
  } catch {
    return null;
  }
}
