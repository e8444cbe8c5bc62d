import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { readComposeFile, readText, ROOT } from './compose-file.ts';

const dockerfile = readText('Dockerfile');
/** Sources that are copied from the context, not from another stage. */
const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
  ([, sources]) => sources?.split(' ') ?? [],
);
const ignoreLines = readText('.dockerignore')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

/** Rooms that a file imports values or types from. */
function roomsImportedBy(room: string): string[] {
  const files = readdirSync(new URL(`${room}/`, ROOT), { recursive: true, encoding: 'utf8' });
  const imports = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(new URL(`${room}/${file}`, ROOT), 'utf8'))
    .flatMap((text) =>
      [...text.matchAll(/from '(?:\.\.\/)+([a-z]+)\//g)].map(([, name]) => name ?? ''),
    );
  return imports.filter((name) => existsSync(new URL(`${name}/`, ROOT)));
}

describe('Dockerfile', () => {
  it('copies only what exists', () => {
    expect(copied.filter((source) => !existsSync(new URL(source, ROOT)))).toEqual([]);
  });

  it('copies every room that workers, API and scoring server are made of', () => {
    const needed = new Set<string>(['workers', 'service', 'serving']);
    for (const room of needed) {
      for (const imported of roomsImportedBy(room)) {
        if (existsSync(new URL(`${room}/${imported}`, ROOT))) continue;
        needed.add(imported);
      }
    }
    expect([...needed].filter((room) => !copied.includes(room))).toEqual([]);
  });

  it('gets everything that it copies past .dockerignore', () => {
    expect(ignoreLines[0]).toBe('*');
    const admitted = ignoreLines
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const refused = copied.filter((source) => !admitted.includes(source.split('/')[0] ?? ''));
    expect(refused).toEqual([]);
  });

  it('installs what the lock file says, without development packages', () => {
    expect(dockerfile).toContain('RUN npm ci --omit=dev\n');
    expect(dockerfile).toContain('ENV ONNXRUNTIME_NODE_INSTALL=skip\n');
    expect(dockerfile).toContain('--require-hashes --no-deps');
  });

  it('builds on the Node version that the package pins', () => {
    const { dependencies } = JSON.parse(readText('package.json')) as {
      dependencies: Record<string, string>;
    };
    const bases = [...dockerfile.matchAll(/^FROM (node:\S+)/gm)].map(([, image]) => image);
    expect(bases).toEqual([`node:${dependencies['node']}-bookworm-slim`]);
  });

  it('ends every stage that runs as a user without privileges', () => {
    const stages = dockerfile.split(/^FROM /m).slice(1);
    const targets = Object.values(readComposeFile().services).flatMap(
      ({ build }) => build?.target ?? [],
    );
    expect(targets.sort()).toEqual(['host', 'runtime']);
    for (const target of targets) {
      const stage = stages.find((text) => new RegExp(`^\\S+ AS ${target}\\n`).test(text)) ?? '';
      expect([...stage.matchAll(/^USER (\w+)$/gm)].at(-1)?.[1]).toBe('node');
    }
  });
});
