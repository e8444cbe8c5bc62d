import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { OrreryError } from '../core/errors.ts';
import { homePaths, PROJECT_ROOT } from './home.ts';

/** Backend name → its settings, which the backend checks itself. */
export interface WorkerSettings {
  readonly backends: Readonly<Record<string, unknown>>;
}

/**
 * Reads the settings file (YAML, of which JSON is a part).
 *
 * @throws OrreryError SETTINGS_INVALID
 */
export function readSettings(home: string): WorkerSettings {
  const path = homePaths(home).settings;
  let value: unknown;
  try {
    value = parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot read the settings "${path}": ${String(cause)}`,
      { cause },
    );
  }
  const backends = (value as { backends?: unknown } | null)?.backends;
  if (typeof backends !== 'object' || backends === null) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot use the settings "${path}": wanted {backends: {<name>: {…}}}`,
    );
  }
  return { backends: backends as Record<string, unknown> };
}

/** Settings of the embedded backend for one machine: what `up` writes when there are none yet. */
export function localSettingsFor(home: string): WorkerSettings {
  const { venv } = homePaths(home);
  const node = process.execPath;
  const python = join(venv, 'bin', 'python');
  return {
    backends: {
      local: {
        home,
        programs: {
          python: [python],
          'orrery-score': [node, join(PROJECT_ROOT, 'serving', 'score-batch.ts')],
        },
        scorer: [node, join(PROJECT_ROOT, 'serving', 'main.ts')],
        envoy: join(venv, 'bin', 'envoy'),
        usdPerHour: 0.1,
        proxyPort: 0,
        adminPort: 0,
      },
    },
  };
}
