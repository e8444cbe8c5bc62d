import type { Backends } from '../activities/deps.ts';
import { REGISTRY } from '../backends/registry.ts';
import type { Backend, OpenBackend } from '../core/backend.ts';
import { OrreryError } from '../core/errors.ts';
import type { WorkerSettings } from './settings.ts';

export interface WorkerBackends extends Backends {
  /**
   * Imports the backends that the settings name. A vendor's SDK takes seconds to load and blocks the
   * process meanwhile, so a worker does it before it takes its first task: later it would miss heartbeats.
   */
  load(): Promise<void>;
  close(): Promise<void>;
}

/** The registry with this worker's settings: each backend is opened at first use. */
export function createBackends(settings: WorkerSettings): WorkerBackends {
  const opened = new Map<string, Promise<OpenBackend>>();
  const names = () => Object.keys(REGISTRY);
  const describe = (name: string): Promise<Backend> => {
    const load = Object.hasOwn(REGISTRY, name) ? REGISTRY[name] : undefined;
    if (load === undefined) {
      const message = `Cannot use backend "${name}": it is not registered, choose ${names().join(' or ')}`;
      return Promise.reject(new OrreryError('BACKEND_UNKNOWN', message));
    }
    return load();
  };
  const openNow = async (name: string): Promise<OpenBackend> => {
    const backend = await describe(name);
    if (!Object.hasOwn(settings.backends, name)) {
      throw new OrreryError(
        'SETTINGS_INVALID',
        `Cannot open backend "${name}": this worker has no settings for it, only for ${Object.keys(settings.backends).join(', ')}`,
      );
    }
    return backend.open(backend.settings.parse(settings.backends[name]));
  };
  return {
    names,
    configured: () => names().filter((name) => Object.hasOwn(settings.backends, name)),
    describe,
    open(name) {
      const known = opened.get(name);
      if (known !== undefined) return known;
      const opening = openNow(name);
      opened.set(name, opening);
      // A failure is not remembered: settings or credentials may be mended meanwhile.
      opening.catch(() => opened.delete(name));
      return opening;
    },
    async load() {
      // A name that is not registered is told by the first step that wants it.
      await Promise.allSettled(Object.keys(settings.backends).map(describe));
    },
    async close() {
      for (const opening of opened.values())
        await opening.then((backend) => backend.close()).catch(() => undefined);
    },
  };
}
