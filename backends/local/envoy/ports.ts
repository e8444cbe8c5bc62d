import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { OrreryError } from '../../../core/errors.ts';
import { readJson, writeWhole } from '../disk.ts';
import type { LocalSettings } from '../settings.ts';
import { PROXY_HOST } from './bootstrap.ts';
import type { ProxyLayout } from './layout.ts';

export interface ProxyPorts {
  readonly proxyPort: number;
  readonly adminPort: number;
}

const PORT_NAMES = ['proxyPort', 'adminPort'] as const;

/** The ports of the proxy that was started last; null before the first. */
export function readPorts(layout: ProxyLayout): Promise<ProxyPorts | null> {
  return readJson<ProxyPorts>(layout.ports);
}

/**
 * Ports for a proxy that is about to be started: those of the settings; for 0 the port of the last
 * time, so that callers find the proxy again, or another free one when somebody has taken it.
 *
 * @throws OrreryError PORT_IN_USE for a port of the settings
 */
export async function choosePorts(
  settings: Pick<LocalSettings, 'proxyPort' | 'adminPort'>,
  layout: ProxyLayout,
): Promise<ProxyPorts> {
  const last = await readPorts(layout);
  const choose = async (name: (typeof PORT_NAMES)[number]): Promise<number> => {
    const wanted = settings[name];
    if (wanted !== 0) {
      if (await isFree(wanted)) return wanted;
      throw portInUse(name, wanted);
    }
    const remembered = last?.[name];
    return remembered !== undefined && (await isFree(remembered)) ? remembered : freePort();
  };
  const ports = { proxyPort: await choose('proxyPort'), adminPort: await choose('adminPort') };
  await writeWhole(layout.ports, JSON.stringify(ports));
  return ports;
}

/** @throws OrreryError SETTINGS_INVALID when the settings want other ports than those in use */
export function checkPorts(
  settings: Pick<LocalSettings, 'proxyPort' | 'adminPort'>,
  ports: ProxyPorts,
): void {
  for (const name of PORT_NAMES) {
    if (settings[name] !== 0 && settings[name] !== ports[name]) {
      throw new OrreryError(
        'SETTINGS_INVALID',
        `Cannot use ${name} ${settings[name]}: the proxy runs with ${ports[name]}, wanted the same or a proxy that is stopped first`,
      );
    }
  }
}

export function portInUse(name: string, port: number): OrreryError {
  return new OrreryError(
    'PORT_IN_USE',
    `Cannot start the proxy with ${name} ${port}: another process listens on it, wanted a free port`,
  );
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const port = await bind(0);
  if (port === null) throw new Error('the system has no free port');
  return port;
}

async function isFree(port: number): Promise<boolean> {
  return (await bind(port)) !== null;
}

function bind(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, PROXY_HOST, () => {
      const { port: bound } = server.address() as AddressInfo;
      server.close(() => resolve(bound));
    });
  });
}
