/**
 * The scripted life of one job as a function of time, after “SecondaryStatus” and
 * “SecondaryStatusTransitions” of DescribeTrainingJob:
 * Starting → Downloading → Training → Uploading → Completed | Failed; a spot job may go
 * Training → Interrupted → Starting → Downloading → Training any number of times; an order to stop
 * goes Stopping → Stopped, a limit that is passed ends in MaxRuntimeExceeded or MaxWaitTimeExceeded.
 */
export interface Life {
  readonly startingSeconds: number;
  readonly downloadingSeconds: number;
  /** Seconds of Training, interruptions left out. */
  readonly trainingSeconds: number;
  readonly uploadingSeconds: number;
  /** Seconds of Training after which spot capacity is taken away, each counted from the start. */
  readonly interruptedAtSeconds: readonly number[];
  /** How long each interruption lasts. */
  readonly interruptedSeconds: number;
  /** Exit code of the program; 0 completes. */
  readonly exitCode: number;
  /** What stands before the exit code in FailureReason, or all of it when there is no program’s end. */
  readonly failure: string;
  /** Seconds between the order to stop and Stopped. */
  readonly stoppingSeconds: number;
  /** A job that completes while it is being stopped. */
  readonly completesWhenStopped: boolean;
  /** Share of the training time that spot bills, 0–1. */
  readonly spotBilledShare: number;
  /** A name that no SDK knows yet, shown in place of Training. */
  readonly trainingStatus: string;
}

const USUAL: Life = {
  startingSeconds: 2,
  downloadingSeconds: 1,
  trainingSeconds: 10,
  uploadingSeconds: 1,
  interruptedAtSeconds: [],
  interruptedSeconds: 5,
  exitCode: 0,
  failure: 'AlgorithmError: ',
  stoppingSeconds: 2,
  completesWhenStopped: false,
  spotBilledShare: 0.3,
  trainingStatus: 'Training',
};
const SENTINEL = 'life=';

/** The life that a request asks for: the first word `life={…}` among its values, over the usual one. */
export function lifeFrom(words: readonly string[]): Life {
  const word = words.find((each) => each.startsWith(SENTINEL));
  const asked = word === undefined ? {} : (JSON.parse(word.slice(SENTINEL.length)) as object);
  return { ...USUAL, ...asked };
}

/** What a job does in the words of its request. */
export interface Lived {
  readonly life: Life;
  readonly createdAt: number;
  readonly spot: boolean;
  readonly runtimeSecondsMax: number;
  readonly waitSecondsMax: number;
  stopAskedAt: number | null;
}

export interface Segment {
  readonly status: string;
  readonly from: number;
  readonly to: number | null;
  readonly message: string;
}
export interface Moment {
  readonly status: 'InProgress' | 'Completed' | 'Failed' | 'Stopping' | 'Stopped';
  readonly secondary: string;
  readonly segments: readonly Segment[];
  readonly trainingStartAt: number | null;
  readonly endAt: number | null;
  readonly trainingSeconds: number;
  readonly billableSeconds: number;
  readonly failure: string | null;
}

/** No instance is held, so nothing is billed. */
const FREE = new Set(['Starting', 'Interrupted']);
const MS = 1000;

interface Plan {
  readonly segments: Segment[];
  end: { at: number; secondary: string; status: Moment['status'] };
}

/** Where the job stands at a time. */
export function momentOf(lived: Lived, now: number): Moment {
  const plan = cutByStop(cutByLimits(undisturbed(lived), lived), lived);
  const { end } = plan;
  const over = now >= end.at;
  const shown = plan.segments
    .filter(({ from }) => from <= now)
    .map((segment) => (segment.to !== null && segment.to <= now ? segment : open(segment)));
  const last = shown.at(-1)!;
  const trainingStartAt = shown.find(({ status }) => status === 'Downloading')?.from ?? null;
  const endAt = over ? end.at : null;
  const lifeTime = trainingStartAt === null ? 0 : ((endAt ?? now) - trainingStartAt) / MS;
  const held = heldSeconds(plan.segments, Math.min(now, end.at));
  const share = lived.spot ? lived.life.spotBilledShare : 1;
  return {
    status: over ? end.status : last.status === 'Stopping' ? 'Stopping' : 'InProgress',
    secondary: over ? end.secondary : last.status,
    segments: over ? [...shown, ending(end)] : shown,
    trainingStartAt,
    endAt,
    trainingSeconds: Math.round(lifeTime),
    billableSeconds: Math.ceil(held * share),
    failure: over && end.status === 'Failed' ? failureOf(lived.life) : null,
  };
}

const open = (segment: Segment): Segment => ({ ...segment, to: null });
const ending = ({ at, secondary }: Plan['end']): Segment => ({
  status: secondary,
  from: at,
  to: at,
  message: '',
});

function undisturbed({ life, createdAt, spot }: Lived): Plan {
  const segments: Segment[] = [];
  let at = createdAt;
  const add = (status: string, seconds: number, message = ''): void => {
    segments.push({ status, from: at, to: at + seconds * MS, message });
    at += seconds * MS;
  };
  const begin = (): void => {
    add('Starting', life.startingSeconds, 'Preparing the instances for training');
    add('Downloading', life.downloadingSeconds, 'Downloading input data');
  };
  begin();
  let trained = 0;
  for (const interruption of spot ? life.interruptedAtSeconds : []) {
    add(life.trainingStatus, interruption - trained);
    trained = interruption;
    add('Interrupted', life.interruptedSeconds, 'Training job interrupted');
    begin();
  }
  add(life.trainingStatus, life.trainingSeconds - trained);
  const completes = life.exitCode === 0 && life.failure === USUAL.failure;
  if (completes) add('Uploading', life.uploadingSeconds, 'Uploading generated training model');
  const outcome = completes ? 'Completed' : 'Failed';
  return { segments, end: { at, secondary: outcome, status: outcome } };
}

function cutByLimits(plan: Plan, lived: Lived): Plan {
  const { life } = lived;
  let ran = 0;
  for (const { status, from, to } of plan.segments) {
    if (status !== life.trainingStatus) continue;
    const seconds = (to! - from) / MS;
    if (ran + seconds > lived.runtimeSecondsMax) {
      const at = from + (lived.runtimeSecondsMax - ran) * MS;
      return cut(plan, at, life.stoppingSeconds, 'MaxRuntimeExceeded');
    }
    ran += seconds;
  }
  const waitEnd = lived.createdAt + lived.waitSecondsMax * MS;
  return waitEnd < plan.end.at ? cut(plan, waitEnd, 0, 'MaxWaitTimeExceeded') : plan;
}

function cutByStop(plan: Plan, { stopAskedAt, life }: Lived): Plan {
  if (stopAskedAt === null || stopAskedAt >= plan.end.at) return plan;
  if (!life.completesWhenStopped) return cut(plan, stopAskedAt, life.stoppingSeconds, 'Stopped');
  const stopped = cut(plan, stopAskedAt, life.stoppingSeconds, 'Completed');
  return { ...stopped, end: { ...stopped.end, status: 'Completed' } };
}

function cut(plan: Plan, at: number, stoppingSeconds: number, secondary: string): Plan {
  const kept = plan.segments
    .filter(({ from }) => from < at)
    .map((segment) => ({ ...segment, to: Math.min(segment.to!, at) }));
  const to = at + stoppingSeconds * MS;
  const stopping = { status: 'Stopping', from: at, to, message: 'Stopping the training job' };
  return { segments: [...kept, stopping], end: { at: to, secondary, status: 'Stopped' } };
}

function heldSeconds(segments: readonly Segment[], until: number): number {
  const spans = segments
    .filter(({ status, from }) => !FREE.has(status) && from < until)
    .map(({ from, to }) => Math.min(to!, until) - from);
  return spans.reduce((sum, span) => sum + span, 0) / MS;
}

function failureOf({ failure, exitCode }: Life): string {
  return failure === USUAL.failure ? `${failure}, exit code: ${exitCode}` : failure;
}
