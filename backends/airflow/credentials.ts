import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { OrreryError } from '../../core/errors.ts';
import type { AirflowSettings } from './settings.ts';

/** User name and password, on their way from where the settings point to the login. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

const fileSchema = z.object({ username: z.string().min(1), password: z.string().min(1) });

/** @throws OrreryError CREDENTIALS_INVALID when there are none; the message holds no part of them */
export async function findLogin({ credentials }: AirflowSettings): Promise<Login> {
  if (credentials.from === 'environment') {
    const { username: userVariable, password: passwordVariable } = credentials;
    const [username, password] = [process.env[userVariable], process.env[passwordVariable]];
    if (username && password) return { username, password };
    const missing = [userVariable, passwordVariable].filter((name) => !process.env[name]);
    throw new OrreryError(
      'CREDENTIALS_INVALID',
      `Cannot log in to Airflow: ${missing.join(' and ')} not set in the worker's environment`,
    );
  }
  const { path } = credentials;
  try {
    return fileSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    // The cause of a parse error may quote the file, so only its name is told.
    const told = (error as NodeJS.ErrnoException).code ?? (error as Error).name;
    throw new OrreryError(
      'CREDENTIALS_INVALID',
      `Cannot log in to Airflow: ${path} cannot be used (${told}), wanted a JSON object with username and password`,
    );
  }
}
