import { failureDetails } from './command.ts';
import type { Command } from './command.ts';

type Json = Readonly<Record<string, unknown>>;

/** An event as the JSON of a history has it: one member `…EventAttributes` beside its frame. */
export interface HistoryEvent {
  readonly eventId: string;
  readonly eventType: string;
  readonly userMetadata?: { readonly summary?: JsonPayload };
  readonly [member: string]: unknown;
}
export interface HistoryJson {
  readonly events: readonly HistoryEvent[];
}
interface JsonPayload {
  readonly metadata: { readonly encoding: string };
  readonly data?: string;
}

/** The commands that a history recorded, in the order in which the server took them. */
export function recordedCommands({ events }: HistoryJson): Command[] {
  const byId = new Map(events.map((event) => [event.eventId, event]));
  return events.map((event) => toCommand(event, byId)).filter((command) => command !== null);
}

/** Members of an event, whatever its type. */
export function attributesOf(event: HistoryEvent): Json {
  const name = Object.keys(event).find((member) => member.endsWith('EventAttributes'));
  return (name === undefined ? {} : event[name]) as Json;
}

function toCommand(event: HistoryEvent, byId: ReadonlyMap<string, HistoryEvent>): Command | null {
  const attributes = attributesOf(event);
  const summary = event.userMetadata?.summary;
  const told = summary === undefined ? null : fromPayload(summary);
  switch (event.eventType) {
    case 'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED':
      return activity(attributes, told);
    case 'EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED': {
      const scheduled = byId.get(attributes['scheduledEventId'] as string);
      const name = scheduled === undefined ? '' : nameOf(attributesOf(scheduled)['activityType']);
      return { kind: 'cancel activity', name, details: {} };
    }
    case 'EVENT_TYPE_TIMER_STARTED':
      return timer('timer', attributes);
    case 'EVENT_TYPE_TIMER_CANCELED':
      return { kind: 'cancel timer', name: '', details: {} };
    case 'EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED':
      return child(attributes, told);
    case 'EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED':
      return { kind: 'cancel child', name: '', details: {} };
    case 'EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED':
      return signal(attributes);
    default:
      return ownCommand(event.eventType, attributes);
  }
}

/** What a run says of itself, rather than asks of others. */
function ownCommand(eventType: string, attributes: Json): Command | null {
  switch (eventType) {
    case 'EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES':
      return {
        kind: 'search attributes',
        name: '',
        details: fieldsOf(attributes['searchAttributes']),
      };
    case 'EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED':
      return {
        kind: 'accept update',
        name: '',
        details: { id: attributes['protocolInstanceId'] },
      };
    case 'EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED': {
      const { meta, outcome } = attributes as {
        meta: { updateId: string };
        outcome: { success?: unknown; failure?: unknown };
      };
      const { success, failure } = outcome;
      const answer =
        failure === undefined
          ? { answer: fromPayloads(success)[0] ?? null }
          : { failure: failureDetails(failure) };
      return { kind: 'answer update', name: '', details: { id: meta.updateId, ...answer } };
    }
    case 'EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED':
      return {
        kind: 'complete',
        name: '',
        details: { result: fromPayloads(attributes['result'])[0] ?? null },
      };
    case 'EVENT_TYPE_WORKFLOW_EXECUTION_FAILED':
      return {
        kind: 'fail',
        name: '',
        details: { failure: failureDetails(attributes['failure']) },
      };
    case 'EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED':
      return { kind: 'cancel', name: '', details: {} };
    default:
      return null;
  }
}

/** The time from schedule to start is left out: where the code sets none, the server derives it. */
function activity(attributes: Json, summary: unknown): Command {
  const retry = attributes['retryPolicy'] as Json | undefined;
  return {
    kind: 'activity',
    name: nameOf(attributes['activityType']),
    details: {
      queue: nameOf(attributes['taskQueue']),
      args: fromPayloads(attributes['input']),
      scheduleToCloseSeconds: secondsOf(attributes['scheduleToCloseTimeout']),
      startToCloseSeconds: secondsOf(attributes['startToCloseTimeout']),
      heartbeatSeconds: secondsOf(attributes['heartbeatTimeout']),
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

function child(attributes: Json, summary: unknown): Command {
  return {
    kind: 'child',
    name: nameOf(attributes['workflowType']),
    details: {
      id: attributes['workflowId'],
      queue: nameOf(attributes['taskQueue']),
      args: fromPayloads(attributes['input']),
      executionSeconds: secondsOf(attributes['workflowExecutionTimeout']),
      runSeconds: secondsOf(attributes['workflowRunTimeout']),
      parentClosePolicy: attributes['parentClosePolicy'],
      searchAttributes: fieldsOf(attributes['searchAttributes']),
      summary,
    },
  };
}

function timer(kind: 'timer', attributes: Json): Command {
  return { kind, name: '', details: { seconds: secondsOf(attributes['startToFireTimeout']) } };
}

function signal(attributes: Json): Command {
  const { workflowId } = attributes['workflowExecution'] as { workflowId: string };
  return {
    kind: 'signal',
    name: attributes['signalName'] as string,
    details: { to: workflowId, args: fromPayloads(attributes['input']) },
  };
}

function nameOf(value: unknown): string {
  return (value as { readonly name: string }).name;
}

function fieldsOf(attributes: unknown): Json {
  const { indexedFields } = (attributes ?? {}) as { indexedFields?: Record<string, JsonPayload> };
  return Object.fromEntries(
    Object.entries(indexedFields ?? {}).map(([name, payload]) => [name, fromPayload(payload)]),
  );
}

/** Durations of proto JSON: "0.200s"; unset is the same as zero. */
function secondsOf(duration: unknown): number {
  return duration === undefined || duration === null ? 0 : Number.parseFloat(duration as string);
}

function fromPayloads(payloads: unknown): unknown[] {
  return ((payloads as { payloads?: JsonPayload[] } | undefined)?.payloads ?? []).map(fromPayload);
}

function fromPayload({ metadata, data = '' }: JsonPayload): unknown {
  const encoding = Buffer.from(metadata.encoding, 'base64').toString();
  if (encoding === 'binary/null') return null;
  if (encoding !== 'json/plain')
    throw new Error(`Cannot read a payload in ${encoding}: golden histories are json/plain`);
  return JSON.parse(Buffer.from(data, 'base64').toString()) as unknown;
}
