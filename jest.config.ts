import type { Config } from 'jest';

/**
 * One project a speed class: `unit` is what `npm run check` runs (under a minute, no server);
 * the others have their own make targets. ESM needs `--experimental-vm-modules`, which the npm
 * scripts pass; without it the transform falls back to CommonJS in silence.
 */
const base = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
        module: { type: 'es6' },
      },
    ],
  },
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
} as const;

const project = (displayName: string, folders: string[], extra: object = {}) => ({
  ...base,
  displayName,
  testMatch: folders.map((folder) => `<rootDir>/${folder}`),
  ...extra,
});

/** Real servers and processes take longer than the default of five seconds. */
const PATIENT = { setupFilesAfterEnv: ['<rootDir>/test/support/patience.ts'] };

export default {
  projects: [
    project('unit', [
      'test/*.test.ts',
      'test/{core,schemas,kernels,activities,sim,service,infra}/**/*.test.ts',
    ]),
    project('workflows', ['test/{workflows,histories}/**/*.test.ts'], PATIENT),
    project('backends', ['test/{backends,serving}/**/*.test.ts'], PATIENT),
    project('counterparts', ['test/counterparts/**/*.test.ts'], PATIENT),
    project('engine', ['test/engine/**/*.test.ts'], PATIENT),
    project('e2e', ['test/e2e/**/*.test.ts'], PATIENT),
  ],
} as unknown as Config;
