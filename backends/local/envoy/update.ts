import { readFile } from 'node:fs/promises';
import { OrreryError } from '../../../core/errors.ts';
import { writeWhole } from '../disk.ts';
import { askAdminJson } from './admin.ts';
import { LISTENER_NAME, ROUTE_CONFIG_NAME } from './layout.ts';
import type { Proxy } from './proxy.ts';
import { discovery } from './resources.ts';
import { viewProxy } from './view.ts';

/** Longest wait for the proxy to take a file; it takes a few milliseconds on an idle machine. */
const UPDATE_MS_MAX = 10_000;
const POLL_MS = 5;

type Updated = 'rds' | 'cds';

/** Beginnings of the counters of a subscription, as Envoy names them. */
const COUNTERS: Readonly<Record<Updated, string>> = {
  cds: 'cluster_manager.cds.',
  rds: `http.${LISTENER_NAME}.rds.${ROUTE_CONFIG_NAME}.`,
};

/**
 * Replaces a file of resources and returns when the proxy says that it serves them. A file that is
 * refused, or not taken in time, is replaced by the one before; Envoy kept to that all along.
 *
 * @throws OrreryError PROXY_REFUSED, DISK_FULL
 */
export async function updateResources(
  proxy: Proxy,
  kind: Updated,
  resources: readonly unknown[],
): Promise<void> {
  const path = proxy.layout.file(kind);
  const next = discovery(resources);
  const before = await readFile(path, 'utf8');
  const text = JSON.stringify(next);
  if (text === before && (await viewProxy(proxy.adminPort)).versions[kind] === next.version_info) {
    return;
  }
  const refusedBefore = await refusals(proxy, kind);
  await writeWhole(path, text);
  const fault = await faultOf(proxy, kind, next.version_info, refusedBefore);
  if (fault === null) return;
  await writeWhole(path, before);
  throw new OrreryError(
    'PROXY_REFUSED',
    `Cannot update the ${kind === 'rds' ? 'routes' : 'clusters'} of the proxy: ${fault}, wanted version ${next.version_info} in force; the old ones stay, see ${proxy.logPath}`,
  );
}

/**
 * Waits for the version; answers with null, or with the reason why it is not in force. Refusals are
 * looked at first, and after the version was read: of several clusters Envoy takes the good ones,
 * together with the version, although it refuses the file.
 */
async function faultOf(
  proxy: Proxy,
  kind: Updated,
  version: string,
  refusedBefore: number,
): Promise<string | null> {
  const giveUpAt = Date.now() + UPDATE_MS_MAX;
  for (;;) {
    const { versions } = await viewProxy(proxy.adminPort);
    if ((await refusals(proxy, kind)) > refusedBefore) return 'it refused them';
    if (versions[kind] === version) return null;
    if (Date.now() > giveUpAt) return `it has not taken them after ${UPDATE_MS_MAX / 1000} s`;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** How many files were refused so far: unreadable as JSON, or readable and wrong. */
async function refusals(proxy: Proxy, kind: Updated): Promise<number> {
  const names = ['update_failure', 'update_rejected'].map((name) => `${COUNTERS[kind]}${name}`);
  const filter = encodeURIComponent(`^${COUNTERS[kind]}update_(failure|rejected)$`);
  const { stats } = (await askAdminJson(
    proxy.adminPort,
    `/stats?format=json&filter=${filter}`,
  )) as {
    readonly stats: readonly { readonly name?: string; readonly value?: number }[];
  };
  return stats
    .filter(({ name }) => name !== undefined && names.includes(name))
    .reduce((sum, { value }) => sum + (value ?? 0), 0);
}
