import { DatabaseSync } from 'node:sqlite';

/** `SQLITE_BUSY` of sqlite.org/rescode.html */
const SQLITE_BUSY = 5;

/**
 * A lock on a file that the kernel drops when its holder dies, however it dies. Node has no
 * flock(2); SQLite's exclusive transaction is an fcntl(2) lock and nothing is ever written.
 *
 * @returns what releases the lock, or null when another process holds it
 */
export function tryLock(path: string): (() => void) | null {
  const database = new DatabaseSync(path);
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return null;
    throw error;
  }
  return () => database.close();
}
