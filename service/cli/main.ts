import { enableCompileCache } from 'node:module';
import { runCli } from './program.ts';
import { terminalIo } from './terminal.ts';

// Compiled code is kept between runs, which halves the time until the first line is printed.
enableCompileCache();
process.exitCode = await runCli(process.argv.slice(2), terminalIo());
