/**
 * A DAG file from a declared data flow: plain code of the Airflow SDK that a person can read. Pure,
 * and the same text for the same flow on every machine.
 */
import { sha256Hex } from '../../core/canonical.ts';
import { flowOrder } from '../../core/data/flow-order.ts';
import { OrreryError } from '../../core/errors.ts';
import type { DataFlow, FlowTask, PipelineDefinition } from '../../core/ports/definitions.ts';

/** Ids of DAGs and tasks: Airflow's own rule, shortened so that a file can bear the name. */
const ID = /^[A-Za-z0-9_.-]{1,200}$/;
const HEADER = /^# orrery-definition (\S+) sha256:([0-9a-f]{64})\n/;
/** Digits of the digest in the DAG's tag, so that a change is a new version of the DAG. */
const TAG_DIGITS = 12;
/** Pause before Airflow tries a task again; its own default is five minutes. */
const RETRY_DELAY_SECONDS = 10;

/** A file that we wrote, as its first line tells. */
export interface DagFile {
  readonly name: string;
  /** SHA-256 of all that follows the first line, as it was when we wrote it. */
  readonly digest: string;
  readonly text: string;
}

/** @throws OrreryError REQUEST_INVALID for names that Airflow does not take, SPEC_REJECTED */
export function dagFileOf({ name, content }: PipelineDefinition): DagFile {
  checkId('DAG', name);
  const body =
    content.kind === 'flow' ? flowText(name, content.flow) : sourceText(name, content.text);
  const digest = sha256Hex(new TextEncoder().encode(body));
  return { name, digest, text: `# orrery-definition ${name} sha256:${digest}\n${body}` };
}

/** What the text of a file says of itself; null for one that is not ours. */
export function parseDagFile(text: string): DagFile | null {
  const match = HEADER.exec(text);
  return match === null ? null : { name: match[1] ?? '', digest: match[2] ?? '', text };
}

function checkId(what: 'DAG' | 'task', name: string): void {
  if (ID.test(name)) return;
  throw new OrreryError(
    'REQUEST_INVALID',
    `Cannot define the ${what} "${name}": Airflow allows 1–200 letters, digits and _ . -`,
  );
}

function sourceText(name: string, text: string): string {
  if (text.includes(`"${name}"`) || text.includes(`'${name}'`)) return text;
  throw new OrreryError(
    'SPEC_REJECTED',
    `Cannot define the DAG "${name}": its source never says "${name}", wanted a file that makes the DAG of this id`,
  );
}

function flowText(name: string, flow: DataFlow): string {
  for (const task of flow.tasks) checkId('task', task.name);
  const { names, edges } = flowOrder(flow);
  const ordered = names.map((one) => flow.tasks.find((task) => task.name === one)!);
  const programs = ordered.flatMap(programLines);
  const tasks = ordered.flatMap(taskLines);
  const order = edges.map(({ before, after }) => `    tasks[${py(before)}] >> tasks[${py(after)}]`);
  const version = sha256Hex(new TextEncoder().encode(JSON.stringify(flow))).slice(0, TAG_DIGITS);
  return [
    ...preamble(flow),
    '# What each task runs. The conf of a run is laid over the params.',
    'PROGRAMS = {',
    ...programs,
    '}',
    '',
    '',
    ...RUN_PROGRAM,
    '',
    '',
    'with DAG(',
    `    ${py(name)},`,
    `    description=${py(flow.description)},`,
    `    schedule=${scheduleText(flow.schedule)},`,
    '    start_date=datetime(2020, 1, 1, tzinfo=timezone.utc),',
    '    catchup=False,',
    '    is_paused_upon_creation=False,',
    `    tags=["orrery", ${py(`orrery-${version}`)}],`,
    ...deadlineLines(flow.deadlineSeconds),
    '):',
    '    tasks = {}',
    ...tasks,
    ...(order.length === 0
      ? []
      : ['    # A task runs after every task that writes what it reads.']),
    ...order,
    '',
  ].join('\n');
}

function preamble({ deadlineSeconds }: DataFlow): readonly string[] {
  const deadline =
    deadlineSeconds === null ? [] : ['AsyncCallback', 'DeadlineAlert', 'DeadlineReference'];
  const names = ['Asset', 'DAG', ...deadline, 'get_current_context'];
  return [
    '# Made by Orrery from a declared data flow. Change the flow, not this file: what is changed here',
    '# is overwritten by the next `put`.',
    'import json',
    'import os',
    'import signal',
    'import subprocess',
    'import sys',
    'import tempfile',
    'from datetime import datetime, timedelta, timezone',
    '',
    'from airflow.providers.standard.operators.python import PythonOperator',
    `from airflow.sdk import ${names.toSorted().join(', ')}`,
    'from airflow.sdk.exceptions import AirflowFailException',
    '',
  ];
}

function programLines({ name, command, params }: FlowTask): readonly string[] {
  return [
    `    ${py(name)}: {`,
    `        "command": [${command.map(py).join(', ')}],`,
    `        "params": {${Object.entries(params)
      .map(([key, value]) => `${py(key)}: ${py(value)}`)
      .join(', ')}},`,
    '    },',
  ];
}

function taskLines({
  name,
  reads,
  writes,
  pool,
  retries,
  timeoutSeconds,
}: FlowTask): readonly string[] {
  const assets = (uris: readonly string[]) => uris.map((uri) => `Asset(${py(uri)})`).join(', ');
  return [
    `    tasks[${py(name)}] = PythonOperator(`,
    `        task_id=${py(name)},`,
    '        python_callable=run_program,',
    '        do_xcom_push=False,',
    ...(pool === null ? [] : [`        pool=${py(pool)},`]),
    `        retries=${retries},`,
    `        retry_delay=timedelta(seconds=${RETRY_DELAY_SECONDS}),`,
    `        execution_timeout=timedelta(seconds=${timeoutSeconds}),`,
    ...(reads.length === 0 ? [] : [`        inlets=[${assets(reads)}],`]),
    ...(writes.length === 0 ? [] : [`        outlets=[${assets(writes)}],`]),
    '    )',
  ];
}

function scheduleText(schedule: DataFlow['schedule']): string {
  switch (schedule.kind) {
    case 'manual':
      return 'None';
    case 'cron':
      return py(schedule.cron);
    case 'assets':
      return `[${schedule.assets.map((uri) => `Asset(${py(uri)})`).join(', ')}]`;
  }
}

/** Only the record of the miss is wanted, which Airflow makes by itself: the callback does nothing. */
function deadlineLines(seconds: number | null): readonly string[] {
  if (seconds === null) return [];
  return [
    '    deadline=DeadlineAlert(',
    '        reference=DeadlineReference.DAGRUN_QUEUED_AT,',
    `        interval=timedelta(seconds=${seconds}),`,
    '        callback=AsyncCallback("asyncio.sleep", kwargs={"delay": 0}),',
    '    ),',
  ];
}

/** A Python literal. JSON's strings are Python's too. */
function py(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return JSON.stringify(value);
}

/**
 * Runs the program of a task by docs/jobs.md. Airflow sends SIGTERM to a task whose state was set
 * from outside and SIGKILL five seconds later, so the program gets four.
 */
const RUN_PROGRAM = `# What a program gets of the worker's environment.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "USER", "LOGNAME")
GRACE_SECONDS = 4


def run_program():
    """Runs the program of this task by Orrery's contract of a job."""
    context = get_current_context()
    run, task_instance = context["dag_run"], context["ti"]
    program = PROGRAMS[task_instance.task_id]
    conf = {name: value for name, value in (run.conf or {}).items() if name != "orrery"}
    with tempfile.TemporaryDirectory(prefix="orrery-") as home:
        places = {name: os.path.join(home, name) for name in ("input", "output", "work")}
        for place in places.values():
            os.mkdir(place)
        params_file = os.path.join(home, "params.json")
        with open(params_file, "w", encoding="utf-8") as file:
            json.dump({**program["params"], **conf}, file)
        code = run_command(
            program["command"],
            places["work"],
            {
                "ORRERY_JOB_KEY": f"{run.run_id}.{task_instance.task_id}.{task_instance.try_number}",
                "ORRERY_INPUT_DIR": places["input"],
                "ORRERY_OUTPUT_DIR": places["output"],
                "ORRERY_PARAMS_FILE": params_file,
                "ORRERY_PROGRESS_FILE": os.path.join(home, "progress.json"),
                "ORRERY_GRACE_SECONDS": str(GRACE_SECONDS),
            },
        )
    if code == 64:
        # The input is rejected: it would be rejected again.
        raise AirflowFailException("the program exited with 64")
    if code != 0:
        raise RuntimeError(f"the program exited with {code}")


def run_command(command, folder, env):
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    child = subprocess.Popen(
        command, cwd=folder, env={**kept, **env}, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        return child.wait()
    finally:
        # Also reached when the task is stopped or over its time: nothing of the program is left.
        end_group(child)


def end_group(child):
    for name in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, name)
            child.wait(GRACE_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            pass`.split('\n');
