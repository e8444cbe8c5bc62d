import { failureDetails } from './command.ts';
import type { Command } from './command.ts';

type Json = Readonly<Record<string, unknown>>;

/** Numbers of `temporal.api.enums.v1.ParentClosePolicy`, by which commands name it. */
const PARENT_CLOSE_POLICIES: Readonly<Record<number, string>> = {
  0: 'PARENT_CLOSE_POLICY_UNSPECIFIED',
  1: 'PARENT_CLOSE_POLICY_TERMINATE',
  2: 'PARENT_CLOSE_POLICY_ABANDON',
  3: 'PARENT_CLOSE_POLICY_REQUEST_CANCEL',
};

/**
 * The commands of one run as its code issued them during a replay.
 *
 * @param issued commands of `coresdk.workflow_commands`, as `capture-commands.ts` tells them
 * @throws Error for a command that this form does not know, so that nothing goes uncompared
 */
export function issuedCommands(issued: readonly Json[]): Command[] {
  const activities = new Map<unknown, string>();
  for (const { scheduleActivity } of issued as readonly { scheduleActivity?: Json }[])
    if (scheduleActivity !== undefined)
      activities.set(scheduleActivity['seq'], scheduleActivity['activityType'] as string);
  return issued.flatMap((command) => {
    const { userMetadata, ...rest } = command;
    const summary = (userMetadata as Json | undefined)?.['summary'] ?? null;
    const variant = Object.keys(rest).find(
      (name) => isObject(rest[name]) && !Array.isArray(rest[name]),
    );
    if (variant === undefined)
      throw new Error(`Cannot read ${JSON.stringify(command)}: no command`);
    return toCommands(variant, rest[variant] as Json, summary, activities);
  });
}

function toCommands(
  variant: string,
  told: Json,
  summary: unknown,
  activities: ReadonlyMap<unknown, string>,
): Command[] {
  switch (variant) {
    case 'scheduleActivity':
      return [activity(told, summary)];
    case 'requestCancelActivity':
      return [{ kind: 'cancel activity', name: activities.get(told['seq']) ?? '', details: {} }];
    case 'startTimer':
      return [
        { kind: 'timer', name: '', details: { seconds: secondsOf(told['startToFireTimeout']) } },
      ];
    case 'cancelTimer':
      return [{ kind: 'cancel timer', name: '', details: {} }];
    case 'startChildWorkflowExecution':
      return [child(told, summary)];
    case 'cancelChildWorkflowExecution':
      return [{ kind: 'cancel child', name: '', details: {} }];
    case 'signalExternalWorkflowExecution':
      return [signal(told)];
    default:
      return ownCommands(variant, told);
  }
}

/** What a run says of itself, rather than asks of others. */
function ownCommands(variant: string, told: Json): Command[] {
  switch (variant) {
    case 'upsertWorkflowSearchAttributes': {
      const details = fieldsOf(told['searchAttributes']);
      return [{ kind: 'search attributes', name: '', details }];
    }
    case 'updateResponse':
      return [updateResponse(told)];
    case 'completeWorkflowExecution':
      return [{ kind: 'complete', name: '', details: { result: told['result'] ?? null } }];
    case 'failWorkflowExecution': {
      const failure = failureDetails(told['failure']);
      return [{ kind: 'fail', name: '', details: { failure } }];
    }
    case 'cancelWorkflowExecution':
      return [{ kind: 'cancel', name: '', details: {} }];
    // Queries are answered and leave no trace.
    case 'respondToQuery':
      return [];
    default:
      throw new Error(`Cannot compare a ${variant}: its form is not known`);
  }
}

function updateResponse(told: Json): Command {
  const id = told['protocolInstanceId'];
  if (told['accepted'] !== undefined) return { kind: 'accept update', name: '', details: { id } };
  const answer =
    told['rejected'] === undefined
      ? { answer: told['completed'] ?? null }
      : { failure: failureDetails(told['rejected']) };
  return { kind: 'answer update', name: '', details: { id, ...answer } };
}

function activity(told: Json, summary: unknown): Command {
  const retry = told['retryPolicy'] as Json | undefined;
  return {
    kind: 'activity',
    name: told['activityType'] as string,
    details: {
      queue: told['taskQueue'],
      args: told['arguments'],
      scheduleToCloseSeconds: secondsOf(told['scheduleToCloseTimeout']),
      startToCloseSeconds: secondsOf(told['startToCloseTimeout']),
      heartbeatSeconds: secondsOf(told['heartbeatTimeout']),
      retry: {
        initialSeconds: secondsOf(retry?.['initialInterval']),
        backoff: retry?.['backoffCoefficient'] ?? 0,
        maximumSeconds: secondsOf(retry?.['maximumInterval']),
        attemptsMax: retry?.['maximumAttempts'] ?? 0,
        final: retry?.['nonRetryableErrorTypes'] ?? [],
      },
      summary,
    },
  };
}

function child(told: Json, summary: unknown): Command {
  return {
    kind: 'child',
    name: told['workflowType'] as string,
    details: {
      id: told['workflowId'],
      queue: told['taskQueue'],
      args: told['input'],
      executionSeconds: secondsOf(told['workflowExecutionTimeout']),
      runSeconds: secondsOf(told['workflowRunTimeout']),
      parentClosePolicy:
        PARENT_CLOSE_POLICIES[(told['parentClosePolicy'] as number | undefined) ?? 0],
      searchAttributes: fieldsOf(told['searchAttributes']),
      summary,
    },
  };
}

function signal(told: Json): Command {
  const { workflowId } = (told['workflowExecution'] ?? {}) as { workflowId?: string };
  return {
    kind: 'signal',
    name: told['signalName'] as string,
    details: { to: workflowId ?? told['childWorkflowId'], args: told['args'] },
  };
}

function fieldsOf(attributes: unknown): Json {
  const told = (attributes ?? {}) as { indexedFields?: Json };
  return told.indexedFields ?? (told as Json);
}

function secondsOf(duration: unknown): number {
  if (duration === undefined || duration === null) return 0;
  const { seconds, nanos } = duration as { seconds?: number | null; nanos?: number | null };
  return (seconds ?? 0) + (nanos ?? 0) / 1e9;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
