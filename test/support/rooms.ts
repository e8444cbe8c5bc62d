/** What a room may import; the table of docs/decisions/001 as data. */
export interface Room {
  /** Rooms whose values it may import besides its own; a path names a part of a room. */
  readonly rooms: readonly string[];
  /** Rooms of which it may import types alone. */
  readonly types?: readonly string[];
  /** Packages and Node built-ins; a trailing `*` stands for any ending. */
  readonly packages: readonly string[];
}

const ANY = ['*'];
const EVERY_ROOM = ['*'];

/** Every folder at the top level; no other may appear. */
export const ROOMS: Readonly<Record<string, Room>> = {
  core: { rooms: [], packages: ['@noble/hashes'] },
  schemas: { rooms: ['core'], packages: ['zod'] },
  kernels: { rooms: ['core'], packages: ['node:crypto', 'csv-parse'] },
  backends: { rooms: ['core', 'kernels', 'schemas'], packages: ['node:*', 'zod', 'VENDOR'] },
  activities: {
    rooms: ['core', 'kernels', 'schemas'],
    packages: ['@temporalio/activity', '@temporalio/common'],
  },
  workflows: {
    rooms: ['core'],
    types: ['activities'],
    packages: ['@temporalio/workflow', '@temporalio/common'],
  },
  workers: {
    rooms: ['core', 'kernels', 'schemas', 'backends', 'activities', 'workflows', 'serving'],
    packages: ANY,
  },
  serving: {
    rooms: ['core', 'kernels'],
    packages: ['node:*', 'onnxruntime-node', 'fastify', 'prom-client', 'csv-parse'],
  },
  service: {
    rooms: ['core', 'schemas', 'workflows/messages.ts', 'kernels/evidence'],
    packages: [
      'node:*',
      '@temporalio/client',
      '@temporalio/common',
      '@temporalio/envconfig',
      'fastify',
      'commander',
      'jose',
      'zod',
    ],
  },
  infra: { rooms: ['core'], packages: ['cdktf', 'constructs'] },
  docs: { rooms: ['core', 'service', 'backends/registry.ts'], packages: ['node:*', 'prettier'] },
  test: { rooms: EVERY_ROOM, packages: ANY },
  bench: { rooms: EVERY_ROOM, packages: ANY },
  examples: { rooms: EVERY_ROOM, packages: ANY },
};

/**
 * The one vendor SDK of a backend, and the folder of clients and credentials that the backends of
 * one cloud share. A backend without an entry speaks for itself over Node alone.
 */
export const VENDORS: Readonly<Record<string, string | readonly string[]>> = {
  airflow: 'undici',
  connections: ['@aws-sdk/*', '@google-cloud/*', 'google-gax', '@kubernetes/client-node'],
  kubeflow: ['@kubernetes/client-node', 'undici'],
  sagemaker: '@aws-sdk/*',
  vertex: ['@google-cloud/*', 'google-gax'],
};

/** Rooms that nobody but these may look into, so that a product never leans on a test. */
export const IMPORTED_BY_NOBODY = ['test', 'bench', 'examples'] as const;
