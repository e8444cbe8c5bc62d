import { entry } from './error-entry.ts';
import type { CatalogueEntry } from './error-entry.ts';
import { FAR_SIDE_ERRORS } from './far-side-errors.ts';

/**
 * The one catalogue of errors. `docs/errors.md` is generated from it, and the lists of
 * non-retryable errors that Temporal gets are derived from it.
 *
 * `retryable` says whether trying the same step again can succeed without anybody acting.
 * `final` groups end the run; the rest wait for a retry or an operator.
 *
 * Code → what it means, whether trying again can help, what the operator does next.
 */
export const ERRORS = {
  REQUEST_INVALID: entry(
    false,
    'The request does not fit its schema',
    'Correct the members that the message names and send the request again',
  ),
  ID_MISMATCH: entry(
    false,
    'The workflow id does not fit the request',
    'Start the workflow under the id that the message names',
  ),
  ALREADY_RUNNING: entry(
    false,
    'Another request runs, or has succeeded, under this id',
    'Use a new version name, or cancel the running one first',
  ),
  NOT_FOUND: entry(
    false,
    'Nothing exists under this name',
    'List what exists (`orrery lifecycle list`, `orrery schedule list`) and correct the name',
  ),
  BACKEND_UNKNOWN: entry(
    false,
    'No backend has this name',
    'Choose one of the names in the message',
  ),
  PORT_MISSING: entry(
    false,
    'The backend does not offer what this step needs',
    'Name one of the backends in the message for this port',
  ),
  SETTINGS_INVALID: entry(
    false,
    'A setting of the worker or of a backend is missing or malformed',
    'Correct the setting that the message names and start the worker again',
  ),
  DATA_CONTRACT_BROKEN: entry(
    false,
    'The data breaks its contract',
    'Mend the data, or change the contract if it is the contract that is wrong',
  ),
  DATA_UNREADABLE: entry(
    false,
    'The data cannot be read or parsed',
    'Check that the file exists, is readable by the worker, and is the format that the contract names',
  ),
  ARTIFACT_MISSING: entry(
    false,
    'A referenced artifact is not in the store',
    'Restore it from a replica, or run the step that made it again under a new version',
  ),
  ARTIFACT_CORRUPT: entry(
    false,
    'The bytes of an artifact do not have the digest of their reference',
    'Treat the store as damaged: compare it with a replica before anything is released from it',
  ),
  NAME_TAKEN: entry(
    false,
    'Something that is not ours exists under this name on the far side',
    'Look at what holds the name; remove it, or start the run under another id',
  ),
  JOB_REJECTED: entry(
    false,
    'The program refused its input (exit code 64)',
    'Read the log that the message names and correct the parameters or the data',
  ),
  JOB_FAILED: entry(
    false,
    'A job failed as often as its policy allows',
    'Read the log that the message names; correct the cause and start a new version',
  ),
  JOB_OUTPUT_MISSING: entry(
    false,
    'A job succeeded without writing an output that was asked for',
    'Correct the program: each declared output is a file in its output folder',
  ),
  HOST_AGENT_DOWN: entry(
    true,
    'The host agent that owns the processes of this machine does not answer',
    'Start it with `make up`; `orrery doctor` says what keeps it from starting',
  ),
  DISK_FULL: entry(
    true,
    'The disk has no space left',
    'Free space where the message says; the step goes on by itself',
  ),
  PORT_IN_USE: entry(
    false,
    'Another process listens on this port',
    'End that process, or choose another port in the settings',
  ),
  TOOL_MISSING: entry(
    false,
    'A program that this step needs is not installed',
    'Run `orrery doctor` and install what it names',
  ),
  MODEL_INVALID: entry(
    false,
    'The model file cannot be loaded or does not have the promised inputs',
    'Export the model again; a truncated file has another digest than its reference',
  ),
  EVALUATION_FAILED: entry(
    false,
    'The model did not pass its evaluation',
    'Read the report; train a better version, or change the policy with a reason',
  ),
  SIGNATURE_INVALID: entry(
    false,
    'A signature does not verify',
    'Treat it as tampering until shown otherwise: compare the digest with the report and the log',
  ),
  SIGNER_UNAVAILABLE: entry(
    true,
    'The signing key or the verifier cannot be reached',
    'Restore the key store; nothing is released meanwhile',
  ),
  APPROVAL_MALFORMED: entry(
    false,
    'The approval is not a signed approval statement',
    'Send what `orrery lifecycle approve` sends',
  ),
  APPROVAL_MISMATCH: entry(
    false,
    'The approval is for another run, digest, report or nonce',
    'Read what waits with `orrery lifecycle show` and sign exactly that',
  ),
  APPROVAL_NOT_WANTED: entry(
    false,
    'The run does not wait for an approval now',
    'Look at its stage with `orrery lifecycle show`',
  ),
  APPROVER_IS_AUTHOR: entry(
    false,
    'The author of a version cannot approve it',
    'Ask another approver',
  ),
  APPROVER_UNKNOWN: entry(
    false,
    'No approver is enrolled under this key',
    'Enrol the approver’s public key, or sign with an enrolled key',
  ),
  APPROVAL_REJECTED: entry(
    false,
    'An approver rejected the version',
    'Read the reason in the status; train a new version',
  ),
  APPROVAL_EXPIRED: entry(
    false,
    'Nobody approved before the deadline',
    'Start the lifecycle again when an approver is there',
  ),
  ORDER_REFUSED: entry(
    false,
    'The order makes no sense in the present stage',
    'Look at the stage with `orrery lifecycle show`',
  ),
  WEIGHT_INVALID: entry(
    false,
    'The traffic weights are not whole percentages that add up to 100',
    'Correct the weights: each is 0–100 and their sum is 100',
  ),
  CHAMPION_MOVED: entry(
    false,
    'The champion changed while this release was running',
    'Start the release again: it compares with the champion of now',
  ),
  RELEASE_BUSY: entry(
    false,
    'Another release of this model runs in this region',
    'Wait for it, or cancel it: the message names it',
  ),
  VERSION_TAKEN: entry(
    false,
    'This version is registered with another digest',
    'Use a new version name: a registered version never changes',
  ),
  DEPLOY_FAILED: entry(
    true,
    'The scoring server did not become ready',
    'Read the log that the message names',
  ),
  PROXY_REFUSED: entry(
    true,
    'The proxy refused the routes, or does not serve what it was told',
    'The old weights stay in force; read the proxy’s log that the message names',
  ),
  ROLLED_BACK: entry(
    false,
    'The version did harm, or was ordered back, and receives no traffic any more',
    'Read the reasons in the status; train a new version',
  ),
  ROLLBACK_UNVERIFIED: entry(
    true,
    'The weight read back after a rollback is not 0',
    'Set the route to the champion by hand now, then look at the proxy',
  ),
  BUDGET_SPENT: entry(
    false,
    'The run has spent its budget',
    'Start again with a larger `costUsdMax`, or a cheaper recipe',
  ),
  ENGINE_UNREACHABLE: entry(
    true,
    'The Temporal server does not answer',
    'Start it with `make up`, or check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE',
  ),
  FORBIDDEN: entry(
    false,
    'The caller has no valid token for this',
    'Send a bearer token of the configured issuer and audience',
  ),
  ...FAR_SIDE_ERRORS,
  INTERNAL: entry(
    true,
    'Something happened that no rule foresaw',
    'Report it with the output of `orrery logs`',
  ),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** Codes that Temporal must not retry. */
export const NON_RETRYABLE_CODES: readonly ErrorCode[] = (
  Object.keys(ERRORS) as ErrorCode[]
).filter((code) => !ERRORS[code].retryable);

/**
 * An error with a code of the catalogue. The message states action, value, state and wanted state:
 * `Cannot shift "fraud" to 120 %: a weight is 0–100`.
 */
export class OrreryError extends Error {
  override readonly name = 'OrreryError';
  readonly code: ErrorCode;
  /** Further facts for machines, such as the violations of a data contract; plain JSON. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Whether a string is a code of the catalogue, as the `type` of a failure from Temporal may be. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value);
}
