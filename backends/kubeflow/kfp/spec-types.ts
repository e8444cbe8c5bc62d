import { z } from 'zod';

/** The members of a pipeline's intermediate representation (pipeline_spec.proto) that name artifact types. */
const artifacts = z
  .object({
    artifacts: z
      .record(
        z.string(),
        z.object({ artifactType: z.object({ schemaTitle: z.string().default('') }).optional() }),
      )
      .default({}),
  })
  .optional();
const pipelineSpec = z.object({
  components: z
    .record(z.string(), z.object({ inputDefinitions: artifacts, outputDefinitions: artifacts }))
    .default({}),
  root: z.object({
    dag: z
      .object({
        tasks: z
          .record(z.string(), z.object({ componentRef: z.object({ name: z.string() }).optional() }))
          .default({}),
      })
      .optional(),
  }),
});

/**
 * `task/input|output/artifact` → schema title such as `system.Model`, for the tasks of the root;
 * empty for a spec of another form. The far side may wrap it as `{pipeline_spec, platform_spec}`.
 */
export function artifactTypes(spec: unknown): ReadonlyMap<string, string> {
  const inner = (spec as { pipeline_spec?: unknown } | null)?.pipeline_spec ?? spec;
  const parsed = pipelineSpec.safeParse(inner);
  const types = new Map<string, string>();
  if (!parsed.success) return types;
  const { components, root } = parsed.data;
  for (const [task, { componentRef }] of Object.entries(root.dag?.tasks ?? {})) {
    const component = components[componentRef?.name ?? ''];
    const sides = [
      ['input', component?.inputDefinitions],
      ['output', component?.outputDefinitions],
    ] as const;
    for (const [direction, definitions] of sides) {
      for (const [name, { artifactType }] of Object.entries(definitions?.artifacts ?? {})) {
        types.set(`${task}/${direction}/${name}`, artifactType?.schemaTitle ?? '');
      }
    }
  }
  return types;
}
