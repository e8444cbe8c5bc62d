import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { OrreryError } from '../core/errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The folder of this checkout or installation. */
export const REPOSITORY = dirname(import.meta.dirname);

/** Where state, logs, sockets and the Python environment live: `ORRERY_HOME`, default `.orrery` here. */
export function orreryHome(env: Env): string {
  const named = env['ORRERY_HOME'];
  return named === undefined || named === '' ? join(REPOSITORY, '.orrery') : resolve(named);
}

/** What `up` writes once everything answers: the addresses that it chose. */
export interface UpRecord {
  readonly temporalAddress?: string;
  readonly namespace?: string;
  readonly apiUrl?: string;
}

/**
 * Reads `run/up.json`; null when nothing was brought up here.
 *
 * @throws OrreryError SETTINGS_INVALID when the file is there and is no JSON object
 */
export async function readUp(home: string): Promise<UpRecord | null> {
  const path = join(home, 'run', 'up.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return null;
  }
  let value: unknown = null;
  try {
    value = JSON.parse(text);
  } catch {
    // Falls through to the same refusal as any other value that is no object.
  }
  if (typeof value !== 'object' || value === null) {
    throw new OrreryError(
      'SETTINGS_INVALID',
      `Cannot read ${path}: it is not a JSON object, wanted what \`make up\` writes`,
    );
  }
  return {
    ...stringMember(value, 'temporalAddress'),
    ...stringMember(value, 'namespace'),
    ...stringMember(value, 'apiUrl'),
  };
}

function stringMember<Name extends string>(value: object, name: Name): { [key in Name]?: string } {
  const member = (value as Record<string, unknown>)[name];
  return typeof member === 'string' ? ({ [name]: member } as { [key in Name]?: string }) : {};
}
