import { canonicalJson } from '../../core/canonical.ts';
import { OrreryError } from '../../core/errors.ts';
import type { FactChange, Models, ModelVersion, ServingFact } from '../../core/ports/models.ts';
import type { Journal, JournalEntry } from './journal.ts';

const NEVER_SERVED: ServingFact = {
  generation: 0,
  champion: null,
  previous: null,
  challenger: null,
};

export class SimModels implements Models {
  readonly #versions = new Map<string, ModelVersion>();
  readonly #facts = new Map<string, ServingFact>();
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  async register(record: ModelVersion): Promise<void> {
    const name = `${record.model}/${record.version}`;
    const before = this.#versions.get(name);
    if (before === undefined) {
      this.#versions.set(name, record);
      const { model, version } = record;
      this.#journal.add({ what: 'version.registered', model, version });
      return;
    }
    if (canonicalJson(before) === canonicalJson(record)) return;
    throw new OrreryError(
      'VERSION_TAKEN',
      `Cannot register ${name} with the digest ${record.modelRef.sha256}: it is registered otherwise, by ${before.workflowId} with the digest ${before.modelRef.sha256}`,
    );
  }

  async read(model: string, version: string): Promise<ModelVersion | null> {
    return this.#versions.get(`${model}/${version}`) ?? null;
  }

  async fact(model: string, region: string): Promise<ServingFact> {
    return this.#facts.get(`${model}/${region}`) ?? NEVER_SERVED;
  }

  async changeFact(change: FactChange): Promise<ServingFact> {
    return this.#change(change, 'caller');
  }

  /** A stranger makes a version champion. */
  usurp(model: string, region: string, version: string): void {
    const now = this.#facts.get(`${model}/${region}`) ?? NEVER_SERVED;
    const { generation, champion, challenger } = now;
    const next = { champion: version, previous: champion, challenger };
    this.#change({ model, region, expectedGeneration: generation, next }, 'stranger');
  }

  #change(change: FactChange, by: JournalEntry['by']): ServingFact {
    const { model, region, expectedGeneration, next } = change;
    const name = `${model}/${region}`;
    const { generation } = this.#facts.get(name) ?? NEVER_SERVED;
    if (generation !== expectedGeneration) {
      throw new OrreryError(
        'CHAMPION_MOVED',
        `Cannot change who serves ${name}: its generation is ${generation}, wanted ${expectedGeneration}`,
      );
    }
    const { champion, previous, challenger } = next;
    const fact: ServingFact = { generation: generation + 1, champion, previous, challenger };
    this.#facts.set(name, fact);
    this.#journal.add(
      {
        what: 'fact.changed',
        model,
        region,
        generation: fact.generation,
        champion,
        challenger: challenger?.version ?? null,
      },
      by,
    );
    return fact;
  }
}
