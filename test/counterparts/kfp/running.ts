/**
 * `node running.ts up` installs KFP's client, from which the contract is read; `down` has nothing to
 * end. The server that plays KFP is started by each test for itself: it is made of memory, within a
 * few milliseconds.
 */
import { ensureKfpClient } from './install.ts';

const [order] = process.argv.slice(2);
if (order === 'up') ensureKfpClient();
else if (order !== 'down') {
  throw new Error(`Cannot carry out "${order}": the orders are up and down`);
}
