import { execFile, spawn } from 'node:child_process';
import { createReadStream, createWriteStream, existsSync, readFileSync, rmSync } from 'node:fs';
import { cp, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createZstdCompress, createZstdDecompress } from 'node:zlib';
import { cacheDir, cacheKey } from '../../support/cache.ts';

const execute = promisify(execFile);
const PROGRESS_MS = 15_000;
const ARCHIVE = 'tree.tar.zst';

/** Programs built from Go modules, and files that lie in those modules. */
export interface GoTools {
  readonly name: string;
  /** Folder with `go.mod`, whose `tool` lines are built, and `go.sum`. */
  readonly folder: string;
  readonly ldflags: string;
  /** Folder or file in a module → where it is kept beside the programs. */
  readonly manifests: readonly {
    readonly module: string;
    readonly from: string;
    readonly to: string;
  }[];
}

/** Where the programs (`bin/`) and manifests (`manifests/`) of an installed set lie. */
export interface InstalledTools {
  readonly bin: string;
  readonly manifests: string;
}

/**
 * Builds the tools unless the cache has them. The cache keeps the programs and one archive of them,
 * which is all that another machine needs in its cache to be spared the build.
 */
export async function ensureTools(tools: GoTools): Promise<InstalledTools> {
  const lock = ['go.mod', 'go.sum'].map((name) => readFileSync(join(tools.folder, name), 'utf8'));
  const files = JSON.stringify(tools.manifests);
  const target = cacheDir(tools.name, cacheKey(...lock, tools.ldflags, files, process.arch));
  const tree = join(target, 'tree');
  if (!existsSync(tree)) {
    await mkdir(target, { recursive: true });
    const archive = join(target, ARCHIVE);
    // Made aside and renamed, so that a build that was cut off leaves nothing that looks whole.
    const making = join(target, `making-${process.pid}`);
    try {
      if (existsSync(archive)) await unpack(archive, making);
      else await build(tools, making);
      await rename(making, tree);
      if (!existsSync(archive)) await pack(tree, archive);
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
  }
  return { bin: join(tree, 'bin'), manifests: join(tree, 'manifests') };
}

async function build({ name, folder, ldflags, manifests }: GoTools, making: string): Promise<void> {
  const bin = join(making, 'bin');
  await mkdir(bin, { recursive: true });
  await go(['version'], folder).catch((cause: unknown) => {
    throw new Error(`Cannot build ${name}: Go 1.26 or newer is not installed`, { cause });
  });
  say(`${name}: builds from Go modules, once; minutes`);
  const words = [
    'build',
    '-v',
    '-trimpath',
    '-buildvcs=false',
    '-ldflags',
    ldflags,
    '-o',
    `${bin}/`,
    'tool',
  ];
  await runGo(name, words, folder);
  for (const { module, from, to } of manifests) {
    const { stdout } = await go(['list', '-m', '-f', '{{.Dir}}', module], folder);
    await cp(join(stdout.trim(), from), join(making, 'manifests', to), { recursive: true });
  }
  // The module cache is read-only, which copies inherit and removal trips over.
  await execute('chmod', ['-R', 'u+w', making]);
}

/** `go build -v` names each package as it is done: their count is the progress. */
async function runGo(name: string, words: readonly string[], cwd: string): Promise<void> {
  const child = spawn('nice', ['-n', '10', 'go', ...words], {
    cwd,
    env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let packages = 0;
  let last = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    packages += text.split('\n').length - 1;
    last = `${last}${text}`.slice(-4000);
  });
  const startedAt = Date.now();
  const progress = setInterval(() => {
    say(`${name}: ${packages} packages after ${Math.round((Date.now() - startedAt) / 1000)} s`);
  }, PROGRESS_MS);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    if (code !== 0) throw new Error(`Cannot build ${name}: go exited with ${code}\n${last}`);
  } finally {
    clearInterval(progress);
  }
}

function go(words: readonly string[], cwd: string) {
  return execute('go', [...words], { cwd, env: { ...process.env, GOTOOLCHAIN: 'local' } });
}

async function pack(tree: string, archive: string): Promise<void> {
  const tar = spawn('tar', ['-C', tree, '-cf', '-', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await pipeline(tar.stdout, createZstdCompress(), createWriteStream(`${archive}.new`));
  await rename(`${archive}.new`, archive);
}

async function unpack(archive: string, making: string): Promise<void> {
  await mkdir(making, { recursive: true });
  // By way of a file: tar leaves a pipe as soon as it has seen the end, which looks like a failure.
  const plain = join(making, 'tree.tar');
  await pipeline(createReadStream(archive), createZstdDecompress(), createWriteStream(plain));
  await execute('tar', ['-C', making, '-xf', plain]);
  rmSync(plain);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
