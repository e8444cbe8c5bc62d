import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const SDK_VERSION = '1.24.0';
const PROTOBUFJS_VERSION = '8.8.1';

const require = createRequire(import.meta.url);
const scope = join(dirname(require.resolve('@temporalio/common/package.json')), '..');
const packages = readdirSync(scope).map((name) => join(scope, name, 'package.json'));

function versionIn(packageJson: string): string {
  return (JSON.parse(readFileSync(packageJson, 'utf8')) as { version: string }).version;
}

describe('The Temporal SDK', () => {
  test('is installed in one version', () => {
    expect(packages.map(versionIn)).toEqual(packages.map(() => SDK_VERSION));
  });

  // A second copy makes the replay of JSON histories fail with "type must be a Type".
  test('resolves one copy of protobufjs', () => {
    const copies = packages.map((packageJson) =>
      createRequire(packageJson).resolve('protobufjs/package.json'),
    );
    expect(new Set(copies).size).toBe(1);
    expect(copies.map(versionIn)).toEqual(copies.map(() => PROTOBUFJS_VERSION));
  });
});
