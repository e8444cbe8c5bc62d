/**
 * A caller in a process of its own, which tests kill: starts one job in the world behind the socket,
 * prints how it went and follows the job to its end.
 */
import { connectWorld } from '../../backends/sim/remote.ts';
import { attemptOf, trainSpec } from './job-spec.ts';

const { ports, close } = await connectWorld(process.argv[2] ?? '');
const { handle, outcome } = await ports.compute.start(attemptOf(trainSpec(), 1));
let reading = await ports.compute.read(handle);
while (reading.phase === 'running') {
  reading = await ports.compute.read(handle, { since: reading.revision, waitMs: 60_000 });
}
process.stdout.write(JSON.stringify({ outcome, phase: reading.phase }));
await close();
