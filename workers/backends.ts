import type { Backends } from '../activities/deps.ts';
import { REGISTRY } from '../backends/registry.ts';
import type { Backend, OpenBackend } from '../core/backend.ts';
import { OrreryError } from '../core/errors.ts';
import type { WorkerSettings } from './settings.ts';

/** The registry with this worker's settings: each backend is imported and opened at first use. */
export function createBackends(settings: WorkerSettings): Backends & { close(): Promise<void> } {
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
    async close() {
      for (const opening of opened.values())
        await opening.then((backend) => backend.close()).catch(() => undefined);
    },
  };
}
