/** `node running.ts up` installs and starts moto unless it runs; `node running.ts down` ends it. */
import { ensureMoto, stopMoto } from './moto.ts';

const [order] = process.argv.slice(2);
if (order === 'up') await ensureMoto();
else if (order === 'down') await stopMoto();
else throw new Error(`Cannot carry out "${order}": the orders are up and down`);
