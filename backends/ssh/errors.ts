import { OrreryError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';

/** The client's own failures; anything else is the exit code of what ran on the host. */
const SSH_FAILED = 255;
/** Exit codes of host.sh, after sysexits.h. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  69: 'TOOL_MISSING',
  74: 'BACKEND_UNAVAILABLE',
};

/** What the client says (OpenSSH 9, ssh.c and sshconnect.c), first match first. */
const CLIENT_SAYS: readonly (readonly [RegExp, ErrorCode])[] = [
  [/host key verification failed|identification has changed/i, 'SETTINGS_INVALID'],
  [/permission denied|too many authentication failures/i, 'CREDENTIALS_INVALID'],
  [/bad permissions|invalid format|no such identity/i, 'CREDENTIALS_INVALID'],
];
const HOST_SAYS: readonly (readonly [RegExp, ErrorCode])[] = [
  [/no space left|quota exceeded/i, 'DISK_FULL'],
  [/permission denied|read-only file system|operation not permitted/i, 'ACCESS_DENIED'],
  [/not found/i, 'TOOL_MISSING'],
];

/**
 * How a call ended, as an error of the catalogue with the far side's own words. A host key that is
 * not the known one is SETTINGS_INVALID: nobody may go on until a person has looked at it.
 *
 * @param action such as `start the job j1`
 */
export function sshError(
  action: string,
  ended: { readonly code: number | null; readonly told: string },
): OrreryError {
  const told = ended.told.trim().replaceAll(/\s*\n\s*/g, '; ') || 'it said nothing';
  const client = ended.code === SSH_FAILED || ended.code === null;
  const says = client ? CLIENT_SAYS : HOST_SAYS;
  const code =
    says.find(([pattern]) => pattern.test(told))?.[1] ??
    CODES[ended.code ?? SSH_FAILED] ??
    'BACKEND_UNAVAILABLE';
  const who = client ? 'the SSH client' : 'the host';
  return new OrreryError(code, `Cannot ${action}: ${who} says "${told}" (exit ${ended.code})`);
}
