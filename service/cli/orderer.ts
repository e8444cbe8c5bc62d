import { userInfo } from 'node:os';
import type { Io } from './io.ts';

/** Who gives an order from a command line: `--by`, else `ORRERY_USER`, else the login name. */
export function ordererOf(io: Io, options: { readonly by?: string }): string {
  return options.by ?? (io.env['ORRERY_USER'] || userInfo().username);
}
