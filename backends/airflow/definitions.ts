/**
 * DAGs that are ours, as files in a folder of Airflow's DAG bundle. The folder is the record: a first
 * line names the DAG and the digest of the rest. The DAG processor is asked what it has parsed, by the
 * source that it serves, so a definition is in force when that has our first line.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { OrreryError } from '../../core/errors.ts';
import type {
  DefinitionReading,
  Definitions,
  PipelineDefinition,
} from '../../core/ports/definitions.ts';
import type { AirflowClient } from './client.ts';
import { checked } from './client.ts';
import { dagFileOf, parseDagFile, type DagFile } from './dag-file.ts';
import { openDagFolder, type DagFolder } from './dag-folder.ts';
import { findDag, importErrors } from './dags.ts';
import { refusal } from './errors.ts';
import { lineDiff } from './line-diff.ts';
import { dagSourceSchema, type Dag } from './replies.ts';
import { listRuns } from './runs.ts';
import type { AirflowSettings } from './settings.ts';

const POLL_MS = 500;
const LIVE_SHOWN_MAX = 5;

export function createDefinitions(settings: AirflowSettings, client: AirflowClient): Definitions {
  const folder = openDagFolder(settings.dagFolder);
  return {
    plan: async (definition) => {
      const wanted = dagFileOf(definition);
      const present = await folder.read(wanted.name);
      const change = present === null ? 'create' : present.text === wanted.text ? 'none' : 'update';
      return { name: wanted.name, change, diff: lineDiff(present?.text ?? '', wanted.text) };
    },
    put: (definition) => put(settings, client, folder, definition),
    list: async () => {
      const files = await folder.list();
      return Promise.all(
        files.map(async ({ name, digest }) => ({
          name,
          digest,
          version: (await servedSource(client, name))?.version ?? '',
        })),
      );
    },
    remove: (name) => remove(settings, client, folder, name),
  };
}

async function put(
  settings: AirflowSettings,
  client: AirflowClient,
  folder: DagFolder,
  definition: PipelineDefinition,
): Promise<DefinitionReading> {
  const wanted = dagFileOf(definition);
  const { name, digest } = wanted;
  const present = await folder.read(name);
  const dag = await findDag(client, name);
  if (dag !== null && !dag.is_stale && !isFrom(dag, folder.fileOf(name))) {
    throw new OrreryError(
      'NAME_TAKEN',
      `Cannot define the DAG "${name}": Airflow has it from ${dag.fileloc}, which is not ours`,
    );
  }
  const known = new Set((await errorsOf(client, folder, name)).map(({ stamp }) => stamp));
  if (present?.text !== wanted.text) await folder.write(wanted);
  if (dag !== null) await askToParse(client, dag);
  const parsed = async (): Promise<string | null> => {
    const [error] = (await errorsOf(client, folder, name)).filter(({ stamp }) => !known.has(stamp));
    if (error === undefined) return versionInForce(client, wanted);
    await takeBack(folder, wanted, present);
    throw new OrreryError(
      'SPEC_REJECTED',
      `Cannot define the DAG "${name}": Airflow cannot import it: ${error.told}`,
    );
  };
  const version = await untilTold(settings, `define the DAG "${name}"`, parsed);
  return { name, digest, version };
}

const errorsOf = (client: AirflowClient, folder: DagFolder, name: string) =>
  importErrors(client, folder.fileOf(name));

const isFrom = ({ relative_fileloc: relative, fileloc }: Dag, file: string): boolean =>
  (relative ?? fileloc).split('/').at(-1) === file;

/** What was there before the file that cannot be imported, unless that was this very file. */
async function takeBack(folder: DagFolder, wanted: DagFile, before: DagFile | null): Promise<void> {
  if (before === null || before.text === wanted.text) await folder.remove(wanted.name);
  else await folder.write(before);
}

interface ServedSource {
  readonly text: string;
  readonly version: string;
}

/** The file of the DAG as the DAG processor parsed it last; null when it has none. */
async function servedSource(client: AirflowClient, name: string): Promise<ServedSource | null> {
  const call = {
    action: `read the source of the DAG "${name}"`,
    method: 'GET',
    path: '/dagSources/{dag_id}',
    at: { dag_id: name },
  } as const;
  const reply = await client.send(call);
  if (reply.status === 404) return null;
  if (reply.status >= 300) throw refusal(call.action, reply);
  const { content, version_number: version } = checked(call, reply, dagSourceSchema);
  return { text: content ?? '', version: String(version ?? '') };
}

/** The version under which Airflow runs this very file, or null while it does not. */
async function versionInForce(client: AirflowClient, wanted: DagFile): Promise<string | null> {
  const source = await servedSource(client, wanted.name);
  if (source === null || parseDagFile(source.text)?.digest !== wanted.digest) return null;
  const dag = await findDag(client, wanted.name);
  return dag === null || dag.is_stale || dag.has_import_errors ? null : source.version;
}

/** Puts the file at the head of the processor's queue; it comes to its turn without that too. */
async function askToParse(client: AirflowClient, { file_token: token }: Dag): Promise<void> {
  await client.send({
    action: 'ask for a parse',
    method: 'PUT',
    path: '/parseDagFile/{file_token}',
    at: { file_token: token },
  });
}

async function remove(
  settings: AirflowSettings,
  client: AirflowClient,
  folder: DagFolder,
  name: string,
): Promise<void> {
  const dag = await findDag(client, name);
  const ours = dag !== null && isFrom(dag, folder.fileOf(name));
  if (ours) await refuseWhileLive(client, name);
  await folder.remove(name);
  if (!ours) return;
  const action = `remove the DAG "${name}"`;
  await untilTold(settings, action, async () => {
    const now = await findDag(client, name);
    return now === null || now.is_stale ? true : null;
  });
  const reply = await client.send({
    action,
    method: 'DELETE',
    path: '/dags/{dag_id}',
    at: { dag_id: name },
  });
  if (reply.status >= 300 && reply.status !== 404) throw refusal(action, reply);
}

async function refuseWhileLive(client: AirflowClient, name: string): Promise<void> {
  const live = await listRuns(client, { state: ['queued', 'running'] }, LIVE_SHOWN_MAX, name);
  if (live.length === 0) return;
  throw new OrreryError(
    'ORDER_REFUSED',
    `Cannot remove the DAG "${name}": ${live.map(({ dag_run_id: id }) => id).join(', ')} still run`,
  );
}

/** @throws OrreryError BACKEND_UNAVAILABLE when `parseSeconds` pass without an answer */
async function untilTold<T>(
  { parseSeconds }: AirflowSettings,
  action: string,
  ask: () => Promise<T | null>,
): Promise<T> {
  const giveUpAt = Date.now() + parseSeconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (Date.now() >= giveUpAt) {
      throw new OrreryError(
        'BACKEND_UNAVAILABLE',
        `Cannot ${action}: the DAG processor has not seen the change within ${parseSeconds} s; its [dag_processor] refresh_interval says how often it looks`,
      );
    }
    await sleep(POLL_MS);
  }
}
