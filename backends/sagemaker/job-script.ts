import type { ArtifactRef } from '../../core/ports/artifacts.ts';
import type { JobSpec } from '../../core/ports/compute.ts';

/** Where the service puts and takes files inside the container. */
export interface ContainerFolders {
  /** Holds one folder for each input. */
  readonly channels: string;
  /** Uploaded by the service when the program has ended with 0. */
  readonly results: string;
  /** Its first kilobyte becomes the reason of a failure. */
  readonly failure: string;
  /** Kept in S3 by the service; null for none. */
  readonly checkpoints: string | null;
}

/** Training jobs: “How Amazon SageMaker AI Provides Training Information”, developer guide. */
export const TRAINING_FOLDERS = {
  channels: '/opt/ml/input/data',
  results: '/opt/ml/model',
  failure: '/opt/ml/output/failure',
  checkpoints: '/opt/ml/checkpoints',
} as const satisfies ContainerFolders;

/** Processing jobs: the folders are ours to choose, the message is /opt/ml/output/message. */
export const PROCESSING_FOLDERS = {
  channels: '/opt/ml/processing/input',
  results: '/opt/ml/processing/output',
  failure: '/opt/ml/output/message',
  checkpoints: null,
} as const satisfies ContainerFolders;

/** The channel with this script. */
export const SCRIPT_CHANNEL = 'orrery';
export const SCRIPT_NAME = 'run.sh';

export interface ScriptedJob {
  readonly key: string;
  readonly spec: Pick<JobSpec, 'params' | 'inputs' | 'outputs' | 'graceSeconds'>;
  readonly folders: ContainerFolders;
  /** Prefix of the outputs; `$TRAINING_JOB_NAME` in it is filled in by the container. */
  readonly outputUri: string;
  readonly checkpointUri: string | null;
  /** Numbers and switches that the service hands over as text, by name; null when it hands over none. */
  readonly tuned: readonly string[] | null;
}

/** The channel of each input: names may hold what a channel's name may not. */
export function channelOf(at: number): string {
  return `input-${at + 1}`;
}

/**
 * The shell script that runs a program by the contract of docs/jobs.md inside a SageMaker container:
 * it lays out folders and variables, passes SIGTERM on, writes the manifest, and tells a failure with
 * the last lines of the log. It needs sh, coreutils, sed and mkfifo, and no AWS program.
 */
export function jobScript(job: ScriptedJob): string {
  const { key, spec, folders, outputUri, checkpointUri } = job;
  const inputs = Object.entries(spec.inputs);
  const variables: readonly (readonly [string, string])[] = [
    ['ORRERY_JOB_KEY', key],
    ['ORRERY_PARAMS_JSON', JSON.stringify(spec.params)],
    ['ORRERY_INPUTS_JSON', JSON.stringify(spec.inputs)],
    ['ORRERY_OUTPUTS_JSON', JSON.stringify(spec.outputs)],
    ['ORRERY_GRACE_SECONDS', String(spec.graceSeconds)],
    ...(checkpointUri === null ? [] : [['ORRERY_CHECKPOINT_URI', checkpointUri] as const]),
    ...(folders.checkpoints === null || checkpointUri === null
      ? []
      : [['ORRERY_CHECKPOINT_DIR', folders.checkpoints] as const]),
  ];
  return [
    '#!/bin/sh',
    '# Runs one job by the contract of docs/jobs.md.',
    'set -u',
    ...variables.map(([name, value]) => `export ${name}=${quoted(value)}`),
    `export ORRERY_OUTPUT_URI=${quoted(outputUri).replace('$TRAINING_JOB_NAME', `'"\${TRAINING_JOB_NAME:-$ORRERY_JOB_KEY}"'`)}`,
    `channels=${quoted(folders.channels)}`,
    `results=${quoted(folders.results)}`,
    `failure=${quoted(folders.failure)}`,
    PREPARE,
    ...(job.tuned === null ? [] : [tunedParams(folders.channels, job.tuned)]),
    ...inputs.map(([name, ref], at) => `stage ${stageWords(name, ref, at)}`),
    RUN,
    ...spec.outputs.map((name) => `tell_output ${quoted(name)} ${quoted(JSON.stringify(name))}`),
    FINISH,
    '',
  ].join('\n');
}

/** A word of the shell that means itself. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function stageWords(name: string, { uri, sha256 }: ArtifactRef, at: number): string {
  const file = `"$channels"/${channelOf(at)}/${quoted(uri.slice(uri.lastIndexOf('/') + 1))}`;
  return `${quoted(name)} ${file} ${sha256}`;
}

/**
 * A search hands over its values as a JSON object of texts (hyperparameters.json beside the
 * channels); those that are numbers or switches lose their quotes.
 */
function tunedParams(channels: string, names: readonly string[]): string {
  const path = `${channels.slice(0, channels.lastIndexOf('/'))}/config/hyperparameters.json`;
  const rules = names.map((name) => {
    const pattern = JSON.stringify(name).replaceAll(/[.[\]*^$/\\]/g, '\\$&');
    return `-e ${quoted(`s/${pattern} *: *"\\([^"]*\\)"/${pattern}:\\1/g`)}`;
  });
  return `sed ${rules.join(' ')} -e '' ${quoted(path)} > "$ORRERY_PARAMS_FILE"
ORRERY_PARAMS_JSON=$(cat "$ORRERY_PARAMS_FILE")`;
}

const PREPARE = `work=$(mktemp -d)
export ORRERY_INPUT_DIR="$work/input" ORRERY_OUTPUT_DIR="$work/output"
export ORRERY_PARAMS_FILE="$work/params.json" ORRERY_PROGRESS_FILE="$work/progress.json"
export ORRERY_MANIFEST_FILE="$results/outputs.json"
mkdir -p "$ORRERY_INPUT_DIR" "$ORRERY_OUTPUT_DIR" "$results" "$(dirname "$failure")"
printf '%s' "$ORRERY_PARAMS_JSON" > "$ORRERY_PARAMS_FILE"
fail() { # exit code, reason
  printf '%s' "$2" | cut -c 1-1000 > "$failure"
  printf '%s\\n' "$2" >&2
  exit "$1"
}
stage() { # name, file, digest
  cp "$2" "$ORRERY_INPUT_DIR/$1" || fail 1 "the input $1 is not in its channel"
  digest=$(sha256sum "$ORRERY_INPUT_DIR/$1" | cut -c 1-64)
  [ "$digest" = "$3" ] || fail 1 "the input $1 has the digest $digest, wanted $3"
}`;

const RUN = `mkfifo "$work/said"
tee "$work/log" < "$work/said" &
teller=$!
"$@" > "$work/said" 2>&1 &
child=$!
trap 'kill -TERM "$child" 2> /dev/null' TERM
tell_progress() {
  told=
  while sleep 5 > /dev/null 2>&1 && kill -0 "$child" 2> /dev/null; do
    now=$(cat "$ORRERY_PROGRESS_FILE" 2> /dev/null) || continue
    [ "$now" = "$told" ] || printf 'progress %s\\n' "$now"
    told=$now
  done
}
tell_progress &
progress=$!
while :; do
  wait "$child"
  code=$?
  kill -0 "$child" 2> /dev/null || break
done
# A shell that has just begun may miss any other signal.
kill -KILL "$progress" 2> /dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
  kill -0 "$teller" 2> /dev/null || break
  sleep 0.1
done
if [ "$code" -ne 0 ]; then
  fail "$code" "exit code $code: $(tail -n 8 "$work/log")"
fi
list=
tell_output() { # name, name in JSON
  file=$ORRERY_OUTPUT_DIR/$1
  [ -f "$ORRERY_MANIFEST_FILE.own" ] && return
  [ -f "$file" ] || fail 1 "JOB_OUTPUT_MISSING: the program ended with 0 and without $1"
  cp "$file" "$results/$1"
  digest=$(sha256sum "$file" | cut -c 1-64)
  bytes=$(wc -c < "$file" | tr -d ' ')
  list="$list\${list:+,}$2:{\\"uri\\":\\"$ORRERY_OUTPUT_URI/$1\\",\\"sha256\\":\\"$digest\\",\\"bytes\\":$bytes}"
}
# A program that puts its outputs into the store itself has written the manifest.
[ -f "$ORRERY_MANIFEST_FILE" ] && : > "$ORRERY_MANIFEST_FILE.own"`;

const FINISH = `if [ ! -f "$ORRERY_MANIFEST_FILE.own" ]; then
  metrics=
  [ -f "$ORRERY_OUTPUT_DIR/metrics.json" ] && metrics=",\\"metrics\\":$(cat "$ORRERY_OUTPUT_DIR/metrics.json")"
  printf '{"outputs":{%s}%s}' "$list" "$metrics" > "$ORRERY_MANIFEST_FILE"
fi
rm -f "$ORRERY_MANIFEST_FILE.own"
cat "$ORRERY_MANIFEST_FILE"
echo`;
