import { stringify } from 'yaml';

/**
 * What KWOK does to nodes and pods in the place of a kubelet. No program runs: a container whose
 * command begins with `/play` is played as the words after it say, once its pod runs.
 *
 * ```
 * /play run [<grace>]                    runs until its pod is deleted, then takes so long to end
 * /play exit <code> <after> [<message>]  ends with this code; the message is its termination message
 * /play preempt <notice> <grace>         is told of a disruption after <notice>, ends <grace> later
 * ```
 *
 * Durations are Go's, such as `500ms`. Other pods of Jobs succeed at once; all others run until
 * deleted. A pod that is deleted while it runs ends with 143, as a program does that heeds SIGTERM.
 *
 * `exec` runs the command on this machine, as the user nobody: no container is there to run it in.
 *
 * Different from a kubelet: images are never pulled, init containers end at once, probes and
 * restarts in place do not happen, and a preempted pod is told of it by the same hand that ends it.
 */
export function stagesYaml(): string {
  return [...POD_STAGES, NODE_INITIALIZE, EXEC].map((stage) => stringify(stage)).join('---\n');
}

interface MatchExpression {
  readonly key: string;
  readonly operator: 'Exists' | 'DoesNotExist' | 'In' | 'NotIn';
  readonly values?: readonly string[];
}

const is = (key: string, ...values: string[]): MatchExpression => ({ key, operator: 'In', values });
const isNot = (key: string, ...values: string[]): MatchExpression => ({
  key,
  operator: 'NotIn',
  values,
});
const PHASE = '.status.phase';
const PROGRAM = '.spec.containers[0].command[0]';
const VERB = '.spec.containers[0].command[1]';
const READY_STATUS = '.status.conditions.[] | select( .type == "Ready" ) | .status';
const DISRUPTED = '.status.conditions.[] | select( .type == "DisruptionTarget" ) | .status';
const KEPT: MatchExpression = { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' };
const DELETED: MatchExpression = { key: '.metadata.deletionTimestamp', operator: 'Exists' };

function stage(
  name: string,
  kind: 'Pod' | 'Node',
  matchExpressions: readonly MatchExpression[],
  next: object,
  expressionFrom?: string,
) {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind },
      selector: { matchExpressions },
      ...(expressionFrom === undefined
        ? {}
        : { delay: { durationMilliseconds: 0, durationFrom: { expressionFrom } } }),
      next,
    },
  };
}

const READY = `
{{ $now := Now }}
conditions:
- { lastTransitionTime: {{ $now | Quote }}, status: "True", type: Initialized }
- { lastTransitionTime: {{ $now | Quote }}, status: "True", type: Ready }
- { lastTransitionTime: {{ $now | Quote }}, status: "True", type: ContainersReady }
{{ range .spec.readinessGates }}
- { lastTransitionTime: {{ $now | Quote }}, status: "True", type: {{ .conditionType | Quote }} }
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: true
  restartCount: 0
  started: true
  state: { running: { startedAt: {{ $now | Quote }} } }
{{ end }}
initContainerStatuses:
{{ range .spec.initContainers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: true
  restartCount: 0
  state:
    terminated:
      exitCode: 0
      reason: Completed
      startedAt: {{ $now | Quote }}
      finishedAt: {{ $now | Quote }}
{{ end }}
hostIP: 127.0.0.1
{{ $podIPs := PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
{{ with $podIPs }}
podIP: {{ index . 0 | Quote }}
podIPs: [{ ip: {{ index . 0 | Quote }} }]
{{ end }}
phase: Running
startTime: {{ $now | Quote }}
`;

/** @param code an expression of Go's templates, and `message` another */
function ended(code: string, message = '""'): string {
  return `
{{ $now := Now }}
{{ $root := . }}
{{ $code := ${code} }}
{{ $message := ${message} }}
conditions:
- { lastTransitionTime: {{ $now | Quote }}, status: "False", type: Ready }
- { lastTransitionTime: {{ $now | Quote }}, status: "False", type: ContainersReady }
containerStatuses:
{{ range $index, $item := .spec.containers }}
{{ $origin := index $root.status.containerStatuses $index }}
- image: {{ $item.image | Quote }}
  name: {{ $item.name | Quote }}
  ready: false
  restartCount: 0
  started: false
  state:
    terminated:
      exitCode: {{ $code }}
      reason: {{ if eq $code "0" }}Completed{{ else }}Error{{ end }}
      message: {{ $message | Quote }}
      startedAt: {{ $origin.state.running.startedAt | Quote }}
      finishedAt: {{ $now | Quote }}
{{ end }}
phase: {{ if eq $code "0" }}Succeeded{{ else }}Failed{{ end }}
`;
}

const RUNNING = is(PHASE, 'Running');
const PLAYED = is(PROGRAM, '/play');
const word = (at: number) => `(index (index .spec.containers 0).command ${at})`;
/** The fifth word, or nothing. */
const MESSAGE = '(first (append (slice (index .spec.containers 0).command 4) ""))';
const NOTICE = `
conditions:
- type: DisruptionTarget
  status: "True"
  reason: TerminationByKubelet
  message: the node is being reclaimed
  lastTransitionTime: {{ Now | Quote }}
`;

const POD_STAGES = [
  stage('pod-ready', 'Pod', [KEPT, is(PHASE, 'Pending'), isNot(READY_STATUS, 'True')], {
    statusTemplate: READY,
  }),
  stage(
    'pod-of-job-succeeds',
    'Pod',
    [KEPT, RUNNING, is('.metadata.ownerReferences.[].kind', 'Job'), isNot(PROGRAM, '/play')],
    { statusTemplate: ended('"0"') },
  ),
  stage(
    'pod-play-exit',
    'Pod',
    [KEPT, RUNNING, PLAYED, is(VERB, 'exit')],
    { statusTemplate: ended(word(2), MESSAGE) },
    '.spec.containers[0].command[3]',
  ),
  stage(
    'pod-play-preempt-notice',
    'Pod',
    [KEPT, RUNNING, PLAYED, is(VERB, 'preempt'), isNot(DISRUPTED, 'True')],
    { statusTemplate: NOTICE },
    '.spec.containers[0].command[2]',
  ),
  stage(
    'pod-play-preempt-end',
    'Pod',
    [KEPT, RUNNING, PLAYED, is(VERB, 'preempt'), is(DISRUPTED, 'True')],
    { statusTemplate: ended('"143"') },
    '.spec.containers[0].command[3]',
  ),
  stage(
    'pod-deleted-ends',
    'Pod',
    [DELETED, RUNNING],
    { statusTemplate: ended('"143"') },
    '.spec.containers[0].command | select( . != null and .[0] == "/play" and .[1] == "run" ) | .[2]',
  ),
  stage('pod-deleted-goes', 'Pod', [DELETED, is(PHASE, 'Pending', 'Succeeded', 'Failed')], {
    delete: true,
  }),
];

const NODE_INITIALIZE = stage('node-initialize', 'Node', [isNot(READY_STATUS, 'True')], {
  statusTemplate: `
{{ $now := Now }}
conditions:
{{ range NodeConditions }}
- lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $now | Quote }}
  message: {{ .message | Quote }}
  reason: {{ .reason | Quote }}
  status: {{ .status | Quote }}
  type: {{ .type | Quote }}
{{ end }}
addresses:
- { type: InternalIP, address: 127.0.0.1 }
{{ with NodePort }}
daemonEndpoints: { kubeletEndpoint: { Port: {{ . }} } }
{{ end }}
allocatable: { cpu: "64", memory: 256Gi, pods: "1000" }
capacity: { cpu: "64", memory: 256Gi, pods: "1000" }
phase: Running
`,
});

/** Without rights: what a test asks for must not reach the processes of the machine. */
const NOBODY = 65_534;
const EXEC = {
  apiVersion: 'kwok.x-k8s.io/v1alpha1',
  kind: 'ClusterExec',
  metadata: { name: 'exec' },
  spec: {
    execs: [
      { local: { workDir: '/tmp', securityContext: { runAsUser: NOBODY, runAsGroup: NOBODY } } },
    ],
  },
};
