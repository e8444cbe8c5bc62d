/**
 * Long-lived processes by name. A service's folder, `<home>/services/<name>/`, is one incarnation:
 * it is replaced when a service that exited is started afresh and removed when it is stopped.
 *
 * A service whose wrapper died goes on, since it serves; only its exit code is lost.
 */
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../../../core/canonical.ts';
import { OrreryError } from '../../../core/errors.ts';
import { diskError, temporaryName } from '../disk.ts';
import { endGroup, endProcesses, waitUntil } from './ending.ts';
import { isAlive, processesWith } from './identity.ts';
import type { ProcessIdentity } from './identity.ts';
import {
  checkProgram,
  CHILD_FILE,
  environmentWith,
  EXIT_FILE,
  launchWrapper,
  PROCESS_FILE,
  readRecord,
  WRAPPER_FILE,
} from './process-folder.ts';
import type { ChildRecord, ExitRecord, ProcessSpec } from './process-folder.ts';
import { GRACE_SECONDS_MAX } from './protocol.ts';
import type { ServiceReading, ServiceSpec } from './protocol.ts';

const SERVICE_FILE = 'service.json';
const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
/** A wrapper that has not started its program after so long never will, milliseconds. */
const WRAPPER_MS_MAX = 10_000;
/** A log larger than this is put aside as `<name>.log.1` when its service starts, bytes. */
const LOG_BYTES_MAX = 64 * 1_048_576;

/** By this variable of its environment a program is found whose wrapper died before it wrote it down. */
const FOLDER_VARIABLE = 'ORRERY_SERVICE_DIR';

interface ServiceRecord {
  readonly spec: ServiceSpec;
  readonly digest: string;
}

export class Services {
  readonly #home: string;
  /** The last order per name: orders for one name are carried out one after the other. */
  readonly #orders = new Map<string, Promise<unknown>>();

  constructor(home: string) {
    this.#home = home;
  }

  async start(spec: ServiceSpec): Promise<ServiceReading> {
    checkService(spec);
    return this.#inTurn(spec.name, async () => {
      const found = this.read(spec.name);
      const digest = digestOf(spec);
      if (found.phase === 'running') {
        if (found.specDigest === digest) return found;
        throw nameTaken(spec.name, found, digest);
      }
      await this.#begin(spec, digest);
      return this.read(spec.name);
    });
  }

  read(name: string): ServiceReading {
    const folder = this.#folder(name);
    const record = readRecord<ServiceRecord>(folder, SERVICE_FILE);
    const base = { name, specDigest: record?.digest ?? null, logPath: this.#logPath(name) };
    if (record === null) return { ...base, phase: 'gone', pid: null, exit: null };
    const child = readRecord<ChildRecord>(folder, CHILD_FILE);
    if (child !== null && isAlive(child.identity)) {
      return { ...base, phase: 'running', pid: child.identity.pid, exit: null };
    }
    const exit = readRecord<ExitRecord>(folder, EXIT_FILE);
    return {
      ...base,
      phase: 'exited',
      pid: null,
      exit: { code: exit?.code ?? null, signal: exit?.signal ?? null },
    };
  }

  async stop(name: string): Promise<void> {
    await this.#inTurn(name, async () => {
      const folder = this.#folder(name);
      const record = readRecord<ServiceRecord>(folder, SERVICE_FILE);
      if (record === null) return;
      const child = readRecord<ChildRecord>(folder, CHILD_FILE);
      if (child !== null) await endGroup(child.identity, record.spec.graceSeconds);
      await this.#wrapperGone(folder);
      endProcesses(processesWith(FOLDER_VARIABLE, folder));
      rmSync(folder, { recursive: true, force: true });
    });
  }

  async stopAll(): Promise<void> {
    await Promise.all((await this.#names()).map((name) => this.stop(name)));
  }

  async list(): Promise<readonly ServiceReading[]> {
    return (await this.#names()).map((name) => this.read(name));
  }

  /** Makes the folder whole under another name first, so that a crash leaves a service or none. */
  async #begin(spec: ServiceSpec, digest: string): Promise<void> {
    const folder = this.#folder(spec.name);
    const cwd = spec.cwd ?? folder;
    checkProgram(spec.command, cwd);
    const building = join(this.#home, 'services', temporaryName());
    const logPath = this.#logPath(spec.name);
    const env = environmentWith({ ...spec.env, [FOLDER_VARIABLE]: folder });
    const command: ProcessSpec = { argv: spec.command, env, cwd, logPath };
    try {
      await this.#wrapperGone(folder);
      endProcesses(processesWith(FOLDER_VARIABLE, folder));
      mkdirSync(building, { recursive: true });
      mkdirSync(join(this.#home, 'logs'), { recursive: true });
      writeFileSync(join(building, PROCESS_FILE), JSON.stringify(command));
      const record: ServiceRecord = { spec, digest };
      writeFileSync(join(building, SERVICE_FILE), JSON.stringify(record));
      rmSync(folder, { recursive: true, force: true });
      renameSync(building, folder);
      putAside(logPath);
      launchWrapper(this.#home, folder, logPath).on('error', () => {});
    } catch (error) {
      rmSync(building, { recursive: true, force: true });
      throw diskError(folder, error);
    }
    await waitUntil(
      () => existsSync(join(folder, CHILD_FILE)) || existsSync(join(folder, EXIT_FILE)),
      WRAPPER_MS_MAX,
    );
    const error = readRecord<ExitRecord>(folder, EXIT_FILE)?.error ?? null;
    if (error !== null) {
      throw new OrreryError(
        'TOOL_MISSING',
        `Cannot start the service "${spec.name}": ${error}, wanted a program that starts`,
      );
    }
  }

  /** The wrapper writes into the folder until it ends, shortly after its program. */
  async #wrapperGone(folder: string): Promise<void> {
    const wrapper = readRecord<ProcessIdentity>(folder, WRAPPER_FILE);
    if (wrapper !== null) await waitUntil(() => !isAlive(wrapper), WRAPPER_MS_MAX);
  }

  async #inTurn<T>(name: string, order: () => Promise<T>): Promise<T> {
    const before = this.#orders.get(name) ?? Promise.resolve();
    const turn = before.then(order, order);
    this.#orders.set(name, turn);
    try {
      return await turn;
    } finally {
      if (this.#orders.get(name) === turn) this.#orders.delete(name);
    }
  }

  async #names(): Promise<readonly string[]> {
    const names = await readdir(join(this.#home, 'services')).catch(() => [] as string[]);
    return names.filter((name) => NAME_PATTERN.test(name));
  }

  #folder(name: string): string {
    return join(this.#home, 'services', checkedName(name));
  }

  #logPath(name: string): string {
    return join(this.#home, 'logs', `${name}.log`);
  }
}

function putAside(logPath: string): void {
  const facts = statSync(logPath, { throwIfNoEntry: false });
  if (facts !== undefined && facts.size > LOG_BYTES_MAX) renameSync(logPath, `${logPath}.1`);
}

function checkService(spec: ServiceSpec): void {
  checkedName(spec.name);
  if (!(spec.graceSeconds >= 0 && spec.graceSeconds <= GRACE_SECONDS_MAX)) {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot start "${spec.name}" with a grace of ${spec.graceSeconds} s: it is 0–${GRACE_SECONDS_MAX}`,
    );
  }
}

function checkedName(name: string): string {
  if (NAME_PATTERN.test(name)) return name;
  throw new OrreryError(
    'REQUEST_INVALID',
    `Cannot use "${name}" as the name of a service: it must match ${NAME_PATTERN.source}`,
  );
}

function nameTaken(name: string, found: ServiceReading, wanted: string): OrreryError {
  return new OrreryError(
    'NAME_TAKEN',
    `Cannot start the service "${name}": process ${found.pid} runs the spec ${found.specDigest}, wanted ${wanted}`,
  );
}
