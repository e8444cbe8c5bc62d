import { enableCompileCache } from 'node:module';
import { runCli } from './program.ts';
import { terminalIo } from './terminal.ts';

// Compiled code is kept between runs, which halves the time until the first line is printed.
enableCompileCache();
// A reader that has enough, such as head, closes the pipe; that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
process.exitCode = await runCli(process.argv.slice(2), terminalIo());
