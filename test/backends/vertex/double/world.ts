import { Life, LIVE_STATES } from './life.ts';
import type { Course, DoublePace } from './life.ts';
import { labelFilter } from './label-filter.ts';
import { anyOf } from './protos.ts';
import type { Message } from './protos.ts';
import { StatusError } from './wire.ts';

export interface DoubleScript {
  /** Value of the label `orrery-version`, or name of a pipeline spec → how it goes. Default: succeeds. */
  readonly courses: Readonly<Record<string, Course>>;
  readonly pace: DoublePace;
  /** Lists in which something new is not seen yet; 0 for a far side that is consistent. */
  readonly listLag: number;
  /** Address of a template → its pipeline spec. */
  readonly templates: Readonly<Record<string, Message>>;
  /** Words with which a machine is refused; null while there is capacity. */
  readonly stockOut: string | null;
}

export type Labels = Readonly<Record<string, string>>;

/** Something that was created: a job, a pipeline run, an endpoint, a model. */
export interface Resource {
  readonly name: string;
  readonly labels: Labels;
  readonly bornAt: number;
  /** As it was created, changed by later calls. */
  message: Message;
  /** Lists that still do not show it. */
  hiddenFor: number;
}

export interface JobResource extends Resource {
  readonly life: Life;
  /** The pipeline run that made it; null for a job of its own. */
  readonly owner: string | null;
  /** Whether what its program leaves was put into the store. */
  settled: boolean;
}

/** One effect, by the server's own account. */
export interface LedgerEntry {
  readonly at: number;
  readonly what: 'created' | 'cancel-asked' | 'deleted' | 'undeployed' | 'split';
  readonly name: string;
  readonly key: string;
  /** Live jobs of the same key at this moment, this one included. */
  readonly live: number;
}

interface OperationRecord {
  readonly name: string;
  readonly doneAt: number;
  /** Its effect, at `doneAt`: the type and message of the response, or a StatusError. */
  readonly finish: () => { readonly type: string; readonly message: Message };
  outcome: Message | null;
}

/** A kind of resource, with lists that may lag behind. */
export class Collection<R extends Resource> {
  readonly items = new Map<string, R>();
  /** Value of the label `orrery-key` → what carries it, oldest first. */
  readonly #byKey = new Map<string, R[]>();

  add(item: R): void {
    this.items.set(item.name, item);
    const key = item.labels['orrery-key'];
    if (key !== undefined) this.#byKey.set(key, [...this.ofKey(key), item]);
  }

  delete(name: string): void {
    const key = this.items.get(name)?.labels['orrery-key'] ?? '';
    this.#byKey.set(
      key,
      this.ofKey(key).filter((item) => item.name !== name),
    );
    this.items.delete(name);
  }

  ofKey(key: string): R[] {
    return this.#byKey.get(key) ?? [];
  }

  get(name: unknown): R {
    const found = this.items.get(String(name));
    if (found === undefined) {
      throw new StatusError('NOT_FOUND', `The resource "${String(name)}" was not found.`);
    }
    return found;
  }

  /** Newest first, a page at a time. */
  list(request: Message): { readonly page: readonly R[]; readonly nextPageToken: string } {
    const filter = String(request['filter'] ?? '');
    const matches = labelFilter(filter);
    const parent = `${String(request['parent'])}/`;
    const [, key] = /labels\.orrery-key="([^"]*)"/.exec(filter) ?? [];
    const found = (key === undefined ? [...this.items.values()] : this.ofKey(key))
      .filter((item) => item.name.startsWith(parent) && matches(item))
      .filter((item) => {
        if (item.hiddenFor <= 0) return true;
        item.hiddenFor -= 1;
        return false;
      })
      .toReversed();
    const from = Number(request['pageToken'] ?? 0);
    const size = Number(request['pageSize'] ?? 0) || 100;
    const next = from + size;
    return {
      page: found.slice(from, next),
      nextPageToken: next < found.length ? String(next) : '',
    };
  }
}

/**
 * The state of a project at Vertex AI, as far as the backend uses it. The wire and the messages are
 * Google's; **this state machine is ours**. It follows the comments of the protos: no request ids; a
 * client id only for pipeline jobs, endpoints, models and deployed models, whose second use is
 * ALREADY_EXISTS; cancellation is asked for and may be outrun; operations are known by name; a deployed
 * model is undeployed only without traffic. It differs from the real service in that nothing is run,
 * time is short, permissions and quotas are scripted, and whatever no proto says is left out. That an
 * endpoint refuses a second operation while one runs is a choice of the double: no proto says it. The
 * backend works as well with a far side that takes both and refuses the second id.
 */
export class VertexWorld {
  readonly customJobs = new Collection<JobResource>();
  readonly tuningJobs = new Collection<JobResource>();
  readonly pipelineJobs = new Collection<
    Resource & { cancelAsked: boolean; jobs: JobResource[] }
  >();
  readonly endpoints = new Collection<Resource>();
  readonly models = new Collection<Resource>();
  readonly operations = new Map<string, OperationRecord>();
  readonly ledger: LedgerEntry[] = [];
  /** `gs://bucket/object` → bytes; shared with the double of Cloud Storage. */
  readonly objects = new Map<string, Uint8Array>();
  script: DoubleScript;
  #ids = 1000;
  #lastAt = 0;

  constructor(script: DoubleScript) {
    this.script = script;
  }

  /** Milliseconds since 1970; no two creations have the same. */
  now(): number {
    return Date.now();
  }

  newId(): string {
    this.#ids += 1;
    return String(this.#ids);
  }

  /** A time of creation of its own, so that the older of two is known. */
  birth(): number {
    this.#lastAt = Math.max(this.now(), this.#lastAt + 0.001);
    return this.#lastAt;
  }

  courseFor(name: string | undefined): Course {
    return this.script.courses[name ?? ''] ?? { ends: 'succeeds' };
  }

  newLife(course: Course): Life {
    return new Life(course, this.birth(), this.script.pace);
  }

  refuseWithoutCapacity(): void {
    const { stockOut } = this.script;
    if (stockOut !== null) throw new StatusError('RESOURCE_EXHAUSTED', stockOut);
  }

  note(what: LedgerEntry['what'], resource: Pick<Resource, 'name' | 'labels'>): void {
    const key = resource.labels['orrery-key'] ?? '';
    const live = key === '' ? 0 : this.liveJobs(key).length;
    this.ledger.push({ at: this.now(), what, name: resource.name, key, live });
  }

  /** Jobs that hold machines now: jobs of their own, those of pipeline runs, and searches. */
  liveJobs(key: string): readonly JobResource[] {
    const now = this.now();
    return [...this.customJobs.items.values(), ...this.tuningJobs.items.values()].filter(
      ({ labels, life }) => labels['orrery-key'] === key && LIVE_STATES.includes(life.stateAt(now)),
    );
  }

  /** An operation under a resource; its effect comes when its time has come, whoever looks. */
  startOperation(resource: string, finish: OperationRecord['finish']): Message {
    const name = `${resource}/operations/${this.newId()}`;
    const doneAt = this.now() + this.script.pace.operationMs;
    this.operations.set(name, { name, doneAt, finish, outcome: null });
    return this.readOperation(name);
  }

  readOperation(name: string): Message {
    const record = this.operations.get(name);
    if (record === undefined) {
      throw new StatusError('NOT_FOUND', `The operation "${name}" was not found.`);
    }
    this.settleOperations();
    return record.outcome ?? { name, done: false };
  }

  /** Brings about the effect of every operation whose time has come. */
  settleOperations(): void {
    for (const record of this.operations.values()) {
      if (record.outcome !== null || this.now() < record.doneAt) continue;
      try {
        const { type, message } = record.finish();
        record.outcome = { name: record.name, done: true, response: anyOf(type, message) };
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        const status = { code: STATUS_NUMBERS[error.status] ?? 13, message: error.message };
        record.outcome = { name: record.name, done: true, error: status };
      }
    }
  }

  operationsOf(resource: string): readonly Message[] {
    const names = [...this.operations.keys()].filter((name) =>
      name.startsWith(`${resource}/operations/`),
    );
    return names.map((name) => this.readOperation(name));
  }
}

const STATUS_NUMBERS: Readonly<Record<string, number>> = {
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  INTERNAL: 13,
};

export function labelsOf(message: Message): Labels {
  return (message['labels'] ?? {}) as Labels;
}
