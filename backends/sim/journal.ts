import type { JobPhase, JobSpec } from '../../core/ports/compute.ts';
import type { CallName } from './methods.ts';

/** One external effect, as the far side saw it. */
export type Effect =
  | { readonly what: 'artifact.stored'; readonly sha256: string; readonly bytes: number }
  | {
      readonly what: 'job.started';
      readonly key: string;
      readonly kind: JobSpec['kind'];
      readonly version: string;
      readonly workflowId: string;
      readonly attempt: number;
    }
  | { readonly what: 'job.adopted' | 'job.found-dead'; readonly key: string }
  | { readonly what: 'job.checkpoint-asked' | 'job.stop-asked'; readonly key: string }
  | { readonly what: 'job.ended'; readonly key: string; readonly phase: JobPhase }
  | {
      readonly what: 'run.started' | 'search.started';
      readonly key: string;
      readonly workflowId: string;
    }
  | {
      readonly what: `${'run' | 'search'}.${'adopted' | 'found-dead' | 'stop-asked' | 'retried'}`;
      readonly key: string;
    }
  | {
      readonly what: 'run.ended' | 'search.ended';
      readonly key: string;
      readonly phase: JobPhase;
    }
  | {
      readonly what: 'endpoint.started' | 'endpoint.failed' | 'endpoint.gone';
      readonly key: string;
      readonly version: string;
    }
  | {
      readonly what: 'route.set';
      readonly route: string;
      readonly weightsPercent: Readonly<Record<string, number>>;
      readonly mirror: string | null;
    }
  | { readonly what: 'route.removed'; readonly route: string }
  | { readonly what: 'version.registered'; readonly model: string; readonly version: string }
  | {
      readonly what: 'fact.changed';
      readonly model: string;
      readonly region: string;
      readonly generation: number;
      readonly champion: string | null;
      readonly challenger: string | null;
    }
  | { readonly what: 'statement.signed'; readonly payloadSha256: string }
  | {
      readonly what: 'fault.fired';
      readonly call: CallName;
      readonly nth: number;
      readonly moment: 'before' | 'after';
    };

export type JournalEntry = Effect & {
  /** Milliseconds since 1970, virtual. */
  readonly at: number;
  readonly by: 'caller' | 'stranger';
};

/**
 * The record that the world itself keeps of what was done to it, independent of what callers
 * believe: the witness of every test that claims that nothing happened twice.
 */
export interface Journal {
  readonly entries: readonly JournalEntry[];
  of<What extends Effect['what']>(what: What): readonly Extract<JournalEntry, { what: What }>[];
  add(effect: Effect, by?: JournalEntry['by'], at?: number): void;
}

export function createJournal(now: () => number): Journal {
  const entries: JournalEntry[] = [];
  return {
    entries,
    of: <What extends Effect['what']>(what: What) =>
      entries.filter(
        (entry): entry is Extract<JournalEntry, { what: What }> => entry.what === what,
      ),
    add: (effect, by = 'caller', at = now()) => {
      entries.push({ ...effect, at, by });
    },
  };
}
