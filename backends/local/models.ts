/**
 * The registry as files. A version is one file, created once. A fact is a numbered file per
 * generation, and the highest number is in force: a change creates the next number by link(2),
 * which refuses to replace, so two processes can never both win, and a crash leaves the old fact or
 * the new one. Old generations stay, as the trail of who served when; removing one would let a
 * stale writer create it again.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import { NAME_PATTERN, VERSION_PATTERN } from '../../core/ids.ts';
import type { Models, ModelVersion, ServingFact } from '../../core/ports/models.ts';
import { createWhole, errnoOf, readJson } from './disk.ts';
import type { LocalSettings } from './settings.ts';

const NEVER_SERVED: ServingFact = {
  generation: 0,
  champion: null,
  previous: null,
  challenger: null,
};
const GENERATION_FILE = /^(\d+)\.json$/;

export function createModels({ home }: Pick<LocalSettings, 'home'>): Models {
  const folder = (model: string) => join(home, 'models', checked(model, NAME_PATTERN));
  const versionFile = (model: string, version: string) =>
    join(folder(model), 'versions', `${checked(version, VERSION_PATTERN)}.json`);
  const factFolder = (model: string, region: string) =>
    join(folder(model), 'regions', checked(region, NAME_PATTERN));
  return {
    async register(record) {
      const path = versionFile(record.model, record.version);
      if (await createWhole(path, canonicalJson(record))) return;
      const found = await readJson<ModelVersion>(path);
      if (canonicalJson(found) !== canonicalJson(record)) throw versionTaken(record, found);
    },
    read: async (model, version) => readJson<ModelVersion>(versionFile(model, version)),
    fact: async (model, region) => latest(factFolder(model, region)),
    async changeFact({ model, region, expectedGeneration, next }) {
      const at = factFolder(model, region);
      const present = await latest(at);
      const fact: ServingFact = { ...next, generation: expectedGeneration + 1 };
      const won =
        present.generation === expectedGeneration &&
        (await createWhole(join(at, `${fact.generation}.json`), canonicalJson(fact)));
      if (!won) throw moved(`${model} in ${region}`, expectedGeneration, await latest(at));
      return fact;
    },
  };
}

async function latest(folder: string): Promise<ServingFact> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  });
  const generation = names.reduce(
    (highest, name) => Math.max(highest, Number(GENERATION_FILE.exec(name)?.[1] ?? 0)),
    0,
  );
  if (generation === 0) return NEVER_SERVED;
  return (await readJson<ServingFact>(join(folder, `${generation}.json`))) ?? NEVER_SERVED;
}

function checked(name: string, pattern: RegExp): string {
  if (pattern.test(name)) return name;
  throw new OrreryError(
    'REQUEST_INVALID',
    `Cannot look up "${name}": it must match ${pattern.source}`,
  );
}

function versionTaken(record: ModelVersion, found: ModelVersion | null): OrreryError {
  return new OrreryError(
    'VERSION_TAKEN',
    `Cannot register ${record.model} ${record.version} with the digest ${record.modelRef.sha256}: it is registered by ${found?.workflowId} with ${found?.modelRef.sha256}, wanted the same record`,
  );
}

function moved(where: string, expected: number, fact: ServingFact): OrreryError {
  return new OrreryError(
    'CHAMPION_MOVED',
    `Cannot change who serves ${where}: the generation is ${fact.generation} with champion ${fact.champion ?? 'none'}, wanted ${expected}`,
    { details: { fact } },
  );
}
