import type { Client } from '@temporalio/client';
import { lifecycleId } from '../../core/ids.ts';
import type { LifecycleId } from '../../core/ids.ts';
import { askEngine } from '../engine-errors.ts';
import { failureText, payloadJson, timestampIso } from './payloads.ts';

/** One event of a history, without its payloads. */
export interface HistoryLine {
  readonly id: number;
  /** ISO 8601 */
  readonly at: string | null;
  /** Temporal's name, such as `ActivityTaskScheduled`. */
  readonly event: string;
  /** Of the activity, child, timer, signal or update that it is about. */
  readonly name: string | null;
  readonly summary: string | null;
  readonly attempt: number | null;
  readonly failure: string | null;
}

/** @throws OrreryError NOT_FOUND, ENGINE_UNREACHABLE */
export async function historyOf(client: Client, id: LifecycleId): Promise<readonly HistoryLine[]> {
  const workflowId = lifecycleId(id);
  const history = await askEngine(client, `read the history of ${workflowId}`, () =>
    client.workflow.getHandle(workflowId).fetchHistory(),
  );
  return historyLines((history.events ?? []) as readonly HistoryEventLike[]);
}

/** The members of temporal.api.history.v1.HistoryEvent that are read. */
export interface HistoryEventLike {
  readonly eventId?: unknown;
  readonly eventTime?: { readonly seconds?: unknown; readonly nanos?: number | null } | null;
  readonly userMetadata?: { readonly summary?: Parameters<typeof payloadJson>[0] } | null;
}
type Attributes = Readonly<Record<string, unknown>>;

const ATTRIBUTES_SUFFIX = 'EventAttributes';

/**
 * Later events of an activity, child or timer name only the event that began it, so names are
 * remembered by event id and carried along.
 */
export function historyLines(events: readonly HistoryEventLike[]): HistoryLine[] {
  const nameByEvent = new Map<number, string>();
  return events.map((event) => {
    const id = Number(event.eventId);
    const [member, attributes] = attributesOf(event);
    const name = ownName(attributes) ?? nameByEvent.get(begunBy(attributes)) ?? null;
    if (name !== null) nameByEvent.set(id, name);
    const summary = payloadJson(event.userMetadata?.summary);
    return {
      id,
      at: timestampIso(event.eventTime),
      event: eventName(member),
      name,
      summary: typeof summary === 'string' ? summary : null,
      attempt: typeof attributes['attempt'] === 'number' ? attributes['attempt'] : null,
      failure: failureText((attributes['failure'] ?? attributes['lastFailure']) as never),
    };
  });
}

/** Exactly one member of an event holds its attributes, and its name is that of the event. */
function attributesOf(event: HistoryEventLike): [string, Attributes] {
  const found = Object.entries(event).find(
    ([member, value]) => member.endsWith(ATTRIBUTES_SUFFIX) && value !== null,
  );
  return found === undefined ? ['unknown', {}] : [found[0], found[1] as Attributes];
}

function eventName(member: string): string {
  const name = member.replace(ATTRIBUTES_SUFFIX, '');
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function ownName(attributes: Attributes): string | null {
  const update = (attributes['acceptedRequest'] as { input?: { name?: string } } | undefined)
    ?.input;
  const named = [
    (attributes['activityType'] as { name?: string } | undefined)?.name,
    (attributes['workflowType'] as { name?: string } | undefined)?.name,
    attributes['signalName'],
    attributes['markerName'],
    update?.name,
    attributes['timerId'] === undefined ? undefined : `timer ${String(attributes['timerId'])}`,
  ];
  return (named.find((name) => typeof name === 'string' && name !== '') as string) ?? null;
}

function begunBy(attributes: Attributes): number {
  const link = attributes['scheduledEventId'] ?? attributes['initiatedEventId'];
  return Number(link ?? attributes['acceptedEventId'] ?? Number.NaN);
}
