/** A file that breaks a rule of the linter, and the rule that must find it. */
export interface Planted {
  readonly path: string;
  readonly text: string;
  readonly rule: string;
}

const IMPORTS = 'no-restricted-imports';

function imports(room: string, specifier: string, name = 'planted'): Planted {
  const slug = specifier.replaceAll(/[^a-z]+/g, '-');
  return {
    path: `${room}/${name}${slug}.ts`,
    text: `import { planted } from '${specifier}';\nexport const used = planted;\n`,
    rule: IMPORTS,
  };
}

const code = (path: string, text: string, rule: string): Planted => ({ path, text, rule });

/** At least one for each room that has rules, and one for each rule that keeps the house. */
export const PLANTED: readonly Planted[] = [
  imports('core', 'node:fs'),
  imports('core', 'zod'),
  imports('core', '@temporalio/common'),
  imports('core', '../schemas/names.ts'),
  code('core/time.ts', 'export const now = () => Date.now();\n', 'no-restricted-globals'),
  code('core/luck.ts', 'export const luck = () => Math.random();\n', 'no-restricted-properties'),
  code('core/wait.ts', 'export const wait = setTimeout;\n', 'no-restricted-globals'),
  imports('schemas', '../activities/all.ts'),
  imports('schemas', 'node:fs'),
  imports('kernels', 'node:fs'),
  imports('kernels', '@temporalio/common'),
  imports('kernels', '../backends/registry.ts'),
  imports('backends/planted', '../../activities/all.ts'),
  imports('backends/planted', '@temporalio/client'),
  imports('backends/local', '../sim/world.ts'),
  imports('backends/sim', '../local/keys.ts'),
  imports('activities', '../backends/registry.ts'),
  imports('activities', 'undici'),
  imports('activities', '@temporalio/client'),
  imports('workflows', '../activities/all.ts'),
  imports('workflows', '../backends/registry.ts'),
  imports('workflows', 'node:fs'),
  imports('workflows', 'zod'),
  imports('serving', '@temporalio/client'),
  imports('serving', '../workflows/messages.ts'),
  imports('service', '../backends/registry.ts'),
  imports('service', '../kernels/statistics/random.ts'),
  imports('service', '../workflows/life.ts'),
  imports('service', '@temporalio/worker'),
  imports('workers', '../service/home.ts'),
  imports('workers', '../test/support/tools.ts'),
  code('service/default.ts', 'export default 1;\n', 'no-default-export'),
  code('service/barrel.ts', "export * from './default.ts';\n", 'no-barrel-file'),
  code('service/any.ts', 'export const all = (value: any) => value;\n', 'no-explicit-any'),
  code('service/long.ts', `export const one = [\n${'  1,\n'.repeat(301)}];\n`, 'max-lines'),
  code(
    'service/tall.ts',
    `export function tall() {\n${'  void 0;\n'.repeat(71)}}\n`,
    'max-lines-per-function',
  ),
  code(
    'service/here.ts',
    "import { b } from './there.ts';\nexport const a = () => b;\n",
    'no-cycle',
  ),
  code(
    'service/there.ts',
    "import { a } from './here.ts';\nexport const b = () => a;\n",
    'no-cycle',
  ),
];
