import { ActivityFailure, CancellationScope } from '@temporalio/workflow';

interface Compensation {
  readonly name: string;
  readonly undo: () => Promise<unknown>;
}

/**
 * What must be undone if the run ends badly. A compensation is registered *before* its step, which
 * may half-succeed; they run in reverse, and cannot be cancelled.
 */
export class Compensations {
  #stack: Compensation[] = [];

  register(name: string, undo: () => Promise<unknown>): void {
    this.#stack.push({ name, undo });
  }

  /** The step is settled: nothing of it needs undoing any more. */
  settle(name: string): void {
    this.#stack = this.#stack.filter((compensation) => compensation.name !== name);
  }

  /** Everything is settled. */
  clear(): void {
    this.#stack = [];
  }

  /** Runs all that are left and returns what failed, in words. */
  async run(): Promise<string[]> {
    return CancellationScope.nonCancellable(async () => {
      const failures: string[] = [];
      for (let next = this.#stack.pop(); next !== undefined; next = this.#stack.pop()) {
        try {
          await next.undo();
        } catch (error) {
          failures.push(`${next.name}: ${reasonOf(error)}`);
        }
      }
      return failures;
    });
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
