import { readFile } from 'node:fs/promises';
import { isErrorCode, OrreryError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { DeploySpec } from '../../core/ports/serving.ts';
import type { ServiceReading } from './agent/protocol.ts';

/** Why a scoring server ended. */
export interface ScorerFault {
  readonly code: ErrorCode;
  readonly message: string;
}

/** Faults of the release itself: no retry and no other machine would mend them. */
const FINAL: ReadonlySet<ErrorCode> = new Set(['MODEL_INVALID', 'SIGNATURE_INVALID']);

/** The JSON line that the server leaves as the last of its log; without one, how it ended. */
export async function readFault(reading: ServiceReading): Promise<ScorerFault> {
  const log = await readFile(reading.logPath, 'utf8').catch(() => '');
  const last = log.trimEnd().split('\n').at(-1) ?? '';
  try {
    const { code, message } = JSON.parse(last) as Partial<Record<string, unknown>>;
    if (isErrorCode(code) && typeof message === 'string') return { code, message };
  } catch {
    // The line is not the server's: a crash of the runtime, or a program that is not ours.
  }
  return {
    code: 'DEPLOY_FAILED',
    message: howItEnded(reading.exit),
  };
}

function howItEnded(exit: ServiceReading['exit']): string {
  if (exit?.signal) return `it ended with signal ${exit.signal}`;
  return exit?.code === null || exit === null
    ? 'it ended and nobody saw how'
    : `it ended with exit code ${exit.code}`;
}

export function startFault(spec: DeploySpec, fault: ScorerFault, logPath: string): OrreryError {
  const code = FINAL.has(fault.code) ? fault.code : 'DEPLOY_FAILED';
  return new OrreryError(
    code,
    `Cannot deploy ${spec.model}/${spec.version} as "${spec.key}": ${fault.message}, wanted a server that is ready; see ${logPath}`,
    { details: { logPath, cause: fault.code } },
  );
}
