import { REGISTRY } from '../backends/registry.ts';
import type { Backend } from '../core/backend.ts';
import { PORT_NAMES } from '../core/backend.ts';

const INTRO = `# Backends

A request names the backend of each port, and may name several in order for a step
(\`docs/pipelines-and-searches.md\`). \`orrery backends list|describe|check\` says what the worker has and
whether the far side answers; \`orrery work list|sweep\` finds work there that no running workflow owns.
A new one is one folder and one line: \`docs/adding-a-backend.md\`. The tables are written by \`npm run docs\`.

## One protocol

Everything that runs on a far side goes the same way, so a crash at any point leaves one job or none:

1. **Intend.** The workflow makes the key: \`j\` and 40 digits of digest(workflow id, first run id, step,
   attempt, input). It is in the history before anything is sent, and the same for every retry.
2. **Create** under the name that is the key. A far side that knows the name refuses the second creation.
3. **Adopt.** On that refusal the job is read and its label \`orrery-spec\` compared: the same digest is
   adopted while it is live or has succeeded, \`dead\` otherwise, which means the next attempt with the
   next key; another digest is NAME_TAKEN, and it is never touched.
4. **Watch** from the handle, in one heartbeating activity. Phases mean the same everywhere: \`pending\`
   and \`running\` hold, \`succeeded\` has its outputs, \`failed\` has a reason in the far side's words,
   \`cancelled\` was asked for by us and read as ended, \`lost\` is known to nobody.
5. **Stop** asks, then reads until the far side's state is terminal. What succeeds meanwhile has succeeded.
   No step moves on to another backend before that.

## What is guaranteed about duplicates

| work | how the name is kept | what remains |
| --- | --- | --- |
| \`local\`, \`ssh\` jobs | the folder of the key is claimed by one rename | nothing |
| Kubeflow TrainJob, Katib Experiment, KServe InferenceService | \`metadata.name\` | nothing |
| Kubeflow Pipelines run | a disabled recurring run and the display name, behind a mark that one caller can set | [see there](backends/kubeflow-pipelines.md) |
| Airflow run, backfill | the run id; the key in the conf, one open backfill a DAG | nothing |
| Airflow asset news | the key in \`extra\`, searched before | one call: two workers at one moment, or a call that lands after its client and the retry's search |
| SageMaker training, processing, tuning job | the job's name, unique in account and region | nothing |
| SageMaker pipeline execution | \`ClientRequestToken\` is the key | nothing |
| Vertex AI job (default), pipeline run | \`pipeline_job_id\` is the key | nothing on our side |
| Vertex AI job with \`submit: "custom-job"\`, search | by label before and after; the younger are cancelled | two at once between a creation and the next look |
`;

/** `docs/backends.md`, with its tables made from the registry. */
export async function backendsPage(): Promise<string> {
  const all = await Promise.all(Object.values(REGISTRY).map((load) => load()));
  const backends = all.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  return `${INTRO}\n## Who has what\n\n${matrix(backends)}\n\n## Who lacks what, and why\n\n${backends.map(lacksOf).join('\n')}`;
}

function matrix(backends: readonly Backend[]): string {
  const rows = [
    ['port', ...backends.map(({ name }) => name)],
    ['---', ...backends.map(() => '---')],
    ...PORT_NAMES.map((port) => [
      port,
      ...backends.map(({ has }) => (has.includes(port) ? 'yes' : '–')),
    ]),
  ];
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** Ports with the same reason stand together. */
function lacksOf({ name, summary, lacks }: Backend): string {
  const byReason = new Map<string, string[]>();
  for (const [port, reason] of Object.entries(lacks)) {
    byReason.set(reason, [...(byReason.get(reason) ?? []), port]);
  }
  const lines = [...byReason].map(([reason, ports]) => `- ${ports.join(', ')}: ${reason}.`);
  return `### ${name}\n\n${summary}.\n\n${lines.join('\n')}\n`;
}
