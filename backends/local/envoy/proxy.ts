/**
 * The one Envoy of a machine. It is a service of the host agent and starts on first use; what it
 * serves lies in watched files, so an Envoy that died comes back with the same routes and weights.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { OrreryError } from '../../../core/errors.ts';
import type { AgentClient } from '../agent/client.ts';
import { readJson, writeWhole } from '../disk.ts';
import type { LocalSettings } from '../settings.ts';
import { askAdmin } from './admin.ts';
import { renderBootstrap, renderListener } from './bootstrap.ts';
import { proxyLayout, SERVICE_NAME } from './layout.ts';
import type { ProxyLayout } from './layout.ts';
import { withProxyLock } from './lock.ts';
import { checkPorts, choosePorts, portInUse, readPorts } from './ports.ts';
import type { ProxyPorts } from './ports.ts';
import { discovery, routeConfiguration } from './resources.ts';
import { viewProxy } from './view.ts';
import type { ProxyView } from './view.ts';

export type ProxySettings = Pick<LocalSettings, 'home' | 'envoy' | 'proxyPort' | 'adminPort'>;
/** What is asked of the host agent. */
export type ServiceAgent = Pick<AgentClient, 'startService' | 'readService' | 'stopService'>;

/** A proxy that answers. */
export interface Proxy extends ProxyPorts {
  readonly layout: ProxyLayout;
  readonly logPath: string;
}

/** Envoy is up in 0.2 s on an idle machine. */
const READY_MS_MAX = 20_000;
const POLL_MS = 25;
/** Where the reason of an end is looked for. */
const LOG_TAIL_CHARS = 4_000;
/** No answer is cut: routes are set to 0 long before, and callers reconnect. */
const GRACE_SECONDS = 5;

/**
 * Finds the proxy or starts it, and returns when it listens. `locked` says that the caller holds
 * the proxy's lock already.
 *
 * @throws OrreryError HOST_AGENT_DOWN, TOOL_MISSING, PORT_IN_USE, SETTINGS_INVALID, PROXY_REFUSED
 */
export async function openProxy(
  settings: ProxySettings,
  agent: ServiceAgent,
  locked = false,
): Promise<Proxy> {
  const layout = proxyLayout(settings.home);
  const reading = await agent.readService(SERVICE_NAME);
  const ports = await readPorts(layout);
  if (reading.phase === 'running' && ports !== null) {
    checkPorts(settings, ports);
    const proxy = { ...ports, layout, logPath: reading.logPath };
    await waitUntilOpen(proxy, agent);
    return proxy;
  }
  if (!locked) return withProxyLock(settings.home, () => openProxy(settings, agent, true));
  return start(settings, agent, layout);
}

async function start(
  settings: ProxySettings,
  agent: ServiceAgent,
  layout: ProxyLayout,
): Promise<Proxy> {
  const ports = await choosePorts(settings, layout);
  for (const kind of ['lds', 'rds', 'cds'] as const) {
    await mkdir(layout.folder(kind), { recursive: true });
  }
  await writeWhole(layout.bootstrap, JSON.stringify(renderBootstrap(layout, ports.adminPort)));
  const listeners = discovery([renderListener(layout, ports.proxyPort)]);
  await writeWhole(layout.file('lds'), JSON.stringify(listeners));
  if ((await readJson(layout.file('cds'))) === null) {
    await writeWhole(layout.file('cds'), JSON.stringify(discovery([])));
  }
  if ((await readJson(layout.file('rds'))) === null) {
    await writeWhole(layout.file('rds'), JSON.stringify(discovery([routeConfiguration([])])));
  }
  const reading = await agent.startService({
    name: SERVICE_NAME,
    command: [
      settings.envoy,
      '--config-path',
      layout.bootstrap,
      '--concurrency',
      '1',
      '--disable-hot-restart',
      '--use-dynamic-base-id',
      '--log-level',
      'warning',
    ],
    env: {},
    graceSeconds: GRACE_SECONDS,
  });
  const proxy = { ...ports, layout, logPath: reading.logPath };
  await waitUntilOpen(proxy, agent);
  return proxy;
}

async function waitUntilOpen(proxy: Proxy, agent: ServiceAgent): Promise<void> {
  const giveUpAt = Date.now() + READY_MS_MAX;
  for (;;) {
    const view = await tryView(proxy);
    if (view?.listenerError) {
      // Envoy does not try again by itself; the next caller starts it afresh.
      await agent.stopService(SERVICE_NAME);
      throw listenerFault(proxy, view.listenerError);
    }
    if (view !== null && view.versions.lds !== null) return;
    const { phase } = await agent.readService(SERVICE_NAME);
    if (phase !== 'running') throw await ended(proxy);
    if (Date.now() > giveUpAt) {
      throw new OrreryError(
        'PROXY_REFUSED',
        `Cannot open the proxy: it does not listen after ${READY_MS_MAX / 1000} s, wanted ready; see ${proxy.logPath}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** null while the proxy is not up; what it says once it is. */
async function tryView(proxy: Proxy): Promise<ProxyView | null> {
  try {
    const { status } = await askAdmin(proxy.adminPort, '/ready');
    return status === 200 ? await viewProxy(proxy.adminPort) : null;
  } catch (error) {
    if (error instanceof OrreryError && error.code === 'PROXY_REFUSED') return null;
    throw error;
  }
}

const IN_USE = /address already in use/i;

function listenerFault(proxy: Proxy, details: string): OrreryError {
  if (IN_USE.test(details)) return portInUse('proxyPort', proxy.proxyPort);
  return new OrreryError(
    'PROXY_REFUSED',
    `Cannot open the proxy on port ${proxy.proxyPort}: ${details}, wanted it to listen; see ${proxy.logPath}`,
  );
}

async function ended(proxy: Proxy): Promise<OrreryError> {
  const log = await readFile(proxy.logPath, 'utf8').catch(() => '');
  if (IN_USE.test(log.slice(-LOG_TAIL_CHARS))) {
    return portInUse('adminPort', proxy.adminPort);
  }
  return new OrreryError(
    'PROXY_REFUSED',
    `Cannot start the proxy: it ended by itself, wanted it to run; see ${proxy.logPath}`,
  );
}
