import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OrreryError } from '../../core/errors.ts';
import { parseDagFile, type DagFile } from './dag-file.ts';

const PREFIX = 'orrery_';
const SUFFIX = '.py';

/** Our files in a folder that belongs to Airflow and to others too. */
export interface DagFolder {
  /** Name of the file, without its folder. */
  fileOf(name: string): string;
  /** null when there is none. @throws OrreryError NAME_TAKEN for a file that is not ours */
  read(name: string): Promise<DagFile | null>;
  /** Replaces the file whole: the DAG processor sees the old one or the new one. */
  write(file: DagFile): Promise<void>;
  /** Idempotent; leaves a file that is not ours. */
  remove(name: string): Promise<void>;
  list(): Promise<readonly DagFile[]>;
}

/** @throws OrreryError SETTINGS_INVALID from each method when the settings name no folder */
export function openDagFolder(folder: string | null): DagFolder {
  const place = (): string => {
    if (folder !== null) return folder;
    throw new OrreryError(
      'SETTINGS_INVALID',
      'Cannot define a DAG: the settings of "airflow" have no dagFolder, wanted a folder of its DAG bundle',
    );
  };
  const fileOf = (name: string) => `${PREFIX}${name}${SUFFIX}`;
  const read = async (name: string): Promise<DagFile | null> => {
    const path = join(place(), fileOf(name));
    const text = await readOrNull(path);
    if (text === null) return null;
    const file = parseDagFile(text);
    if (file?.name === name) return file;
    throw new OrreryError(
      'NAME_TAKEN',
      `Cannot define the DAG "${name}": ${path} is not ours, wanted a first line that says so`,
    );
  };
  return {
    fileOf,
    read,
    write: ({ name, text }) => writeWhole(place(), fileOf(name), text),
    remove: async (name) => {
      if ((await read(name)) !== null) await rm(join(place(), fileOf(name)), { force: true });
    },
    list: async () => {
      const names = (await readdir(place())).filter(
        (name) => name.startsWith(PREFIX) && name.endsWith(SUFFIX),
      );
      const texts = await Promise.all(names.map((name) => readOrNull(join(place(), name))));
      return texts
        .map((text) => (text === null ? null : parseDagFile(text)))
        .filter((file) => file !== null);
    },
  };
}

async function readOrNull(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw folderError(path, error);
  }
}

/** The name before the rename does not end with `.py`, so that nobody parses half a file. */
async function writeWhole(folder: string, name: string, text: string): Promise<void> {
  const half = join(folder, `.${name}.${randomUUID()}`);
  try {
    await mkdir(folder, { recursive: true });
    const file = await open(half, 'wx', 0o644);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(half, join(folder, name));
  } catch (error) {
    await rm(half, { force: true }).catch(() => undefined);
    throw folderError(join(folder, name), error);
  }
}

function folderError(path: string, cause: unknown): OrreryError {
  const { code = '' } = cause as NodeJS.ErrnoException;
  const full = code === 'ENOSPC';
  return new OrreryError(
    full ? 'DISK_FULL' : 'SETTINGS_INVALID',
    `Cannot use the DAG file ${path}: ${code}, wanted a folder that the worker may read and write`,
    { cause },
  );
}
