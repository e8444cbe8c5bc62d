import type { BackendFinding } from '../../core/backend.ts';
import { ERRORS, OrreryError } from '../../core/errors.ts';
import type { Host } from './host.ts';

/** Free space below which a finding warns, KiB. */
const FREE_KIB_MIN = 1024 * 1024;

/** Logs in, and looks for what host.sh and run.sh need. */
export async function checkHost(host: Host, root: string): Promise<readonly BackendFinding[]> {
  const endpoint = host.address(root);
  let lines;
  try {
    lines = await host.ask({ action: 'look at the host', order: 'check' });
  } catch (error) {
    if (!(error instanceof OrreryError)) throw error;
    const login = error.code === 'CREDENTIALS_INVALID';
    const told = `${endpoint}: ${error.message}`;
    const finding = { state: 'missing', told, action: ERRORS[error.code].action } as const;
    return [{ subject: login ? 'credentials' : 'endpoint', ...finding }];
  }
  const value = (name: string) => lines.find(([each]) => each === name)?.[1] ?? '';
  const lacks = lines.flatMap(([name, tool]) => (name === 'lacks' ? [tool] : []));
  const freeKiB = Number(value('free'));
  const found = (subject: string, ok: boolean, told: string, action: string): BackendFinding =>
    ok ? { subject, state: 'ok', told, action: '' } : { subject, state: 'missing', told, action };
  return [
    found('endpoint', true, `${endpoint} is ${value('host')}`, ''),
    found('credentials', true, 'the key is accepted', ''),
    found(
      'root',
      value('writable') === 'yes',
      `${root} ${value('writable') === 'yes' ? 'can' : 'cannot'} be written`,
      'Let the login write there, or name another folder in the settings',
    ),
    found(
      'tools',
      lacks.length === 0,
      lacks.length === 0 ? 'coreutils and util-linux' : `no ${lacks.join(', ')}`,
      'Install GNU coreutils and util-linux on the host',
    ),
    found(
      'disk',
      freeKiB >= FREE_KIB_MIN,
      `${Math.floor(freeKiB / 1024)} MiB free`,
      'Free space on the host',
    ),
  ];
}
