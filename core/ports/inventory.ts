import type { WorkLabels } from '../labels.ts';
import type { JobPhase } from './compute.ts';

/** Something on the far side that carries our labels. */
export interface RemoteWork {
  /** Through which port it is read and stopped, by its handle. */
  readonly port: 'compute' | 'pipeline' | 'tuning';
  readonly key: string;
  readonly remoteId: string;
  readonly phase: JobPhase;
  readonly labels: WorkLabels;
  /** ISO 8601; null while it has not started. */
  readonly startedAt: string | null;
  readonly billableSeconds: number;
  /** US dollars so far by the backend's own price book; null where it has none. */
  readonly costUsd: number | null;
}

/** What of ours is on the far side, whoever still knows of it. */
export interface Inventory {
  /** All live work with our labels, and what ended within the far side's own memory; newest first. */
  list(): Promise<readonly RemoteWork[]>;
}
