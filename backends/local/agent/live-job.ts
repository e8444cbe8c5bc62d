/**
 * A job that has no result yet.
 *
 *     pending ──child.json──▶ running ──exit.json──▶ settling ──result.json──▶ ended
 *        │                       │                      ▲
 *        └── wrapper never came ─┴─ wrapper died: the program is ended ─┘
 *
 * Everything that decides is a file, so an agent that was killed at any point goes on from the
 * folder: a folder without wrapper gets one, a stop that was begun is begun again, and settling
 * (outputs into the store, then result.json) is repeated, which changes nothing.
 */
import type { ChildProcess } from 'node:child_process';
import { existsSync, statSync, watch, writeFileSync } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobIntent, JobProgress, JobReading } from '../../../core/ports/compute.ts';
import { endGroup, signalProcess, waitUntil } from './ending.ts';
import { isAlive } from './identity.ts';
import type { ProcessIdentity } from './identity.ts';
import { jobLogPath, PROGRESS_FILE, readResult, STOP_FILE } from './job-folder.ts';
import type { StopReason } from './job-folder.ts';
import { readProgress } from './job-verdict.ts';
import {
  CHILD_FILE,
  EXIT_FILE,
  launchWrapper,
  readRecord,
  WRAPPER_FILE,
} from './process-folder.ts';
import type { ChildRecord, ExitRecord } from './process-folder.ts';
import { settleJob } from './settling.ts';

/** Changes of files are told by the kernel; this look finds dead wrappers and passed limits. */
const LOOK_MS = 250;
/** A wrapper that has not started its program after so long never will, milliseconds. */
const WRAPPER_MS_MAX = 20_000;
/** Longest that a shutdown waits for the result of a job whose program is gone, milliseconds. */
const SETTLE_MS_MAX = 5000;
/** Pause before outputs that could not be stored are tried again, milliseconds. */
const SETTLE_RETRY_MS = 2000;

export class LiveJob {
  readonly intent: JobIntent;
  readonly ended: Promise<JobReading>;
  readonly #home: string;
  readonly #folder: string;
  #child: ChildRecord | null = null;
  #launched: ChildProcess | null = null;
  #stop: StopReason | null = null;
  #stopping: Promise<void> | null = null;
  #settling = false;
  #settleTries = 0;
  #setback: string | null = null;
  #progress: JobProgress | null = null;
  #progressMark = '';
  #revision = 1;
  #waiters = new Set<() => void>();
  #watcher: FSWatcher | null = null;
  readonly #timer: NodeJS.Timeout;
  #end: (reading: JobReading) => void = () => {};

  constructor(home: string, folder: string, intent: JobIntent) {
    this.#home = home;
    this.#folder = folder;
    this.intent = intent;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    try {
      this.#watcher = watch(folder, () => this.#look());
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // The kernel has no watches left: the timer finds every change, only later.
    }
  }

  /** Goes on from what the folder says; also how a new job begins. */
  resume(): void {
    const stop = readRecord<{ why: StopReason }>(this.#folder, STOP_FILE);
    const wrapper = readRecord<ProcessIdentity>(this.#folder, WRAPPER_FILE);
    if (wrapper === null) {
      this.#launched = launchWrapper(this.#home, this.#folder, jobLogPath(this.#folder));
      // A wrapper that cannot be started shows as one that never came.
      this.#launched.on('error', () => this.#look());
      this.#launched.on('exit', () => this.#look());
    }
    this.#look();
    if (stop !== null) void this.stop(stop.why);
  }

  reading(): JobReading {
    const startedAtMs = this.#child === null ? null : Date.parse(this.#child.startedAt);
    return {
      phase: this.#child === null ? 'pending' : 'running',
      revision: this.#revision,
      progress: this.#progress,
      exit: null,
      billableSeconds: startedAtMs === null ? 0 : Math.max(0, Date.now() - startedAtMs) / 1000,
      outputs: {},
      reason:
        this.#setback ?? (this.#stop === null ? 'it runs' : `it is being stopped (${this.#stop})`),
      logUri: jobLogPath(this.#folder),
    };
  }

  get pid(): number | null {
    return this.#child?.identity.pid ?? null;
  }

  /** Returns once the revision exceeds `since`, the job has ended, or the time is over. */
  async changed(since: number, waitMs: number): Promise<void> {
    if (this.#revision > since) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      this.#waiters.add(done);
    });
  }

  /**
   * SIGUSR1 to the program alone, since it ends children that do not handle it; false when there is
   * none to ask.
   */
  async checkpoint(): Promise<boolean> {
    await this.#childKnown();
    return this.#child !== null && signalProcess(this.#child.identity, 'SIGUSR1', 'process');
  }

  /** Ends the job, within its grace, and returns its terminal reading. The first reason stays. */
  async stop(why: StopReason): Promise<JobReading> {
    this.#stopping ??= this.#endProgram(why);
    await this.#stopping;
    return this.ended;
  }

  /**
   * Stops the job with its agent, and returns when program and wrapper are gone. A result that cannot
   * be kept now, as on a full disk, is left to the next agent.
   */
  async shutDown(): Promise<void> {
    void this.stop('shutdown');
    await this.#stopping;
    await Promise.race([this.ended, sleep(SETTLE_MS_MAX, undefined, { ref: false })]);
    const wrapper = readRecord<ProcessIdentity>(this.#folder, WRAPPER_FILE);
    if (wrapper !== null) await waitUntil(() => !isAlive(wrapper), SETTLE_MS_MAX);
  }

  /** Stops looking; the job itself goes on. */
  close(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
    this.#waiters.forEach((wake) => wake());
  }

  async #endProgram(why: StopReason): Promise<void> {
    this.#stop ??= why;
    try {
      // A wrapper that has not started its program yet sees the file and does not.
      writeFileSync(join(this.#folder, STOP_FILE), JSON.stringify({ why: this.#stop }));
    } catch {
      // On a full disk the stop is remembered by this agent only, and goes on.
    }
    await this.#childKnown();
    if (this.#child === null) return;
    try {
      await endGroup(this.#child.identity, this.intent.spec.graceSeconds);
    } catch (error) {
      this.#setback = `it was told to end: ${(error as Error).message}`;
    }
    this.#look();
  }

  async #childKnown(): Promise<void> {
    await waitUntil(() => {
      this.#look();
      return this.#child !== null || this.#settling;
    }, WRAPPER_MS_MAX);
  }

  /** A look that fails, such as for want of file descriptors, must not end the agent of all jobs. */
  #look(): void {
    if (this.#settling) return;
    try {
      this.#lookAtFiles();
    } catch (error) {
      this.#setback = `its folder cannot be read now: ${(error as Error).message}`;
    }
  }

  #lookAtFiles(): void {
    if (this.#child === null) {
      this.#child = readRecord<ChildRecord>(this.#folder, CHILD_FILE);
      if (this.#child !== null) this.#tell(Date.parse(this.#child.startedAt));
    }
    if (this.#child !== null) this.#lookAtProgress();
    if (existsSync(join(this.#folder, EXIT_FILE)) || this.#wrapperIsGone()) {
      void this.#settle();
      return;
    }
    const { timeoutSeconds } = this.intent.spec;
    if (this.#stop === null && this.reading().billableSeconds > timeoutSeconds) {
      void this.stop('timeout');
    }
  }

  #wrapperIsGone(): boolean {
    const wrapper = readRecord<ProcessIdentity>(this.#folder, WRAPPER_FILE);
    if (wrapper !== null) return !isAlive(wrapper);
    return (
      this.#launched !== null &&
      (this.#launched.pid === undefined ||
        this.#launched.exitCode !== null ||
        this.#launched.signalCode !== null)
    );
  }

  #lookAtProgress(): void {
    const facts = statSync(join(this.#folder, PROGRESS_FILE), { throwIfNoEntry: false });
    if (facts === undefined) return;
    const mark = `${facts.ino} ${facts.mtimeMs} ${facts.size}`;
    if (mark === this.#progressMark) return;
    const progress = readProgress(this.#folder);
    if (progress === null) return;
    this.#progressMark = mark;
    this.#progress = progress;
    this.#tell(facts.mtimeMs);
  }

  /**
   * The revision is microseconds since the start, so that it keeps growing when another agent goes
   * on with the job, and at least one more than before.
   */
  #tell(atMs: number): void {
    const startedAtMs = Date.parse(this.#child?.startedAt ?? '');
    const derived = Number.isNaN(startedAtMs) ? 0 : Math.floor((atMs - startedAtMs) * 1000) + 2;
    this.#revision = Math.max(this.#revision + 1, derived);
    this.#waiters.forEach((wake) => wake());
  }

  async #settle(): Promise<void> {
    this.#settling = true;
    try {
      // The wrapper may have written the exit between the two looks; settleJob reads it again.
      const exit = readRecord<ExitRecord>(this.#folder, EXIT_FILE);
      this.#child ??= readRecord<ChildRecord>(this.#folder, CHILD_FILE);
      if (exit === null && this.#child !== null) {
        await endGroup(this.#child.identity, this.intent.spec.graceSeconds);
      }
      this.#tell(Date.now());
      const result = readResult(this.#folder);
      const reading =
        result ??
        (await settleJob(this.#home, this.#folder, {
          intent: this.intent,
          child: this.#child,
          stop: this.#stop,
          progress: this.#progress,
          revision: this.#revision + 1,
          tries: this.#settleTries,
        }));
      this.#revision = reading.revision;
      this.#end(reading);
      this.close();
    } catch (error) {
      this.#settleTries += 1;
      this.#setback = `it has ended, and its result cannot be kept yet: ${(error as Error).message}`;
      setTimeout(() => void this.#settle(), SETTLE_RETRY_MS);
    }
  }
}
