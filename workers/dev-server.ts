import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { SEARCH_ATTRIBUTES } from '../core/messages.ts';

/**
 * Arguments of Temporal's own development server, for one machine. The database is a file, so a
 * killed server comes back with every run; the poll rate lifts the tick of 50 ms that the default
 * of the development server puts between tasks.
 */
export function devServerArguments(options: {
  readonly database: string;
  readonly port: number;
  readonly uiPort: number | null;
}): readonly string[] {
  mkdirSync(dirname(options.database), { recursive: true });
  const uiArguments = options.uiPort === null ? ['--headless'] : ['--ui-port', `${options.uiPort}`];
  return [
    ...'server start-dev --ip 127.0.0.1 --log-level error'.split(' '),
    ...'--sqlite-pragma journal_mode=WAL --sqlite-pragma synchronous=NORMAL'.split(' '),
    ...'--dynamic-config-value history.transferProcessorMaxPollRPS=2000'.split(' '),
    '--db-filename',
    options.database,
    '--port',
    `${options.port}`,
    ...uiArguments,
    ...Object.entries(SEARCH_ATTRIBUTES).flatMap(([name, type]) => [
      '--search-attribute',
      `${name}=${type}`,
    ]),
  ];
}
