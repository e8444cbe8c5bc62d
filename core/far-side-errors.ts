import { entry } from './error-entry.ts';
import type { CatalogueEntry } from './error-entry.ts';

/** What far sides answer, in one spelling for all of them; part of the catalogue of core/errors.ts. */
export const FAR_SIDE_ERRORS = {
  JOB_LOST: entry(
    false,
    'The far side has no record of a job that it had accepted',
    'Look in the far side’s audit log for who deleted it, then start the run again',
  ),
  JOB_UNSETTLED: entry(
    false,
    'Whether remote work of ours still runs cannot be told, so nothing was started in its place',
    'Look at the work that the message names on its far side, end it there, then start the run again',
  ),
  PIPELINE_FAILED: entry(
    false,
    'A pipeline run failed or was ended by somebody else',
    'Open the run at the address in the message; correct the cause, then start it again',
  ),
  TUNING_FAILED: entry(
    false,
    'A search ended without a usable trial',
    'Read the trials in the status; correct the trial’s program or the search space',
  ),
  CREDENTIALS_INVALID: entry(
    false,
    'The far side does not accept our credentials: missing, expired or of another account',
    'Renew the credentials that the worker finds by the SDK’s own chain; `orrery backends check` says when they work',
  ),
  ACCESS_DENIED: entry(
    false,
    'The credentials are valid but may not do this',
    'Grant the permission that the message names',
  ),
  QUOTA_EXCEEDED: entry(
    false,
    'A quota of the account, project or namespace is used up',
    'Ask for a higher quota, name a fallback backend, or start again when other work has ended',
  ),
  CAPACITY_MISSING: entry(
    false,
    'The far side has no such machine free now (stock-out)',
    'Name a fallback backend or another machine type, or start again later',
  ),
  SPEC_REJECTED: entry(
    false,
    'The far side refused the specification',
    'Correct what its message, kept in ours, names',
  ),
  OPERATION_UNSUPPORTED: entry(
    false,
    'The far side cannot do this at all',
    'Use another way or another backend: docs/backends.md says who can',
  ),
  VERSION_UNSUPPORTED: entry(
    false,
    'The far side runs a version that we refuse or do not know',
    'Install one of the versions that the message names',
  ),
  BACKEND_UNAVAILABLE: entry(
    true,
    'The far side does not answer, throttles, or answers with an error of its own (5xx)',
    'Check endpoint, region, network and its status page; the step goes on by itself',
  ),
  REPLY_MALFORMED: entry(
    true,
    'The answer is not what the far side’s contract says, such as HTML in place of JSON',
    'Check that the endpoint is the API and no proxy or login page in between',
  ),
  STATE_CONTRADICTED: entry(
    true,
    'The far side took back a state that it had told, such as running after succeeded',
    'Look at the work on the far side; the step reads it anew',
  ),
} as const satisfies Record<string, CatalogueEntry>;
