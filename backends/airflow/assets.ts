/**
 * News of data sets. Airflow keeps an event for ever and knows no key for it, so ours is a member of
 * `extra`, and is looked for before an event is made. Two workers that publish one key at the same
 * moment can still make two events: that window is as long as one call.
 */
import { OrreryError } from '../../core/errors.ts';
import type { AssetEvent, Assets } from '../../core/ports/assets.ts';
import type { JobParam } from '../../core/ports/compute.ts';
import type { PipelineHandle } from '../../core/ports/pipeline.ts';
import type { AirflowClient, Call } from './client.ts';
import { checked } from './client.ts';
import { isObject, refusal } from './errors.ts';
import { checkRunId, OURS } from './marks.ts';
import {
  assetEventSchema,
  assetEventsSchema,
  assetsSchema,
  runSchema,
  type AssetEventReply,
  type AssetReply,
} from './replies.ts';
import { findRun, remoteIdOf } from './runs.ts';

const KEY = 'orrery-key';
const FOR_ASSET = 'orrery-asset';
/** Members of `extra` that are not the publisher's. */
const NOT_EXTRA = new Set([KEY, 'from_rest_api']);
const PAGE = 100;
/** Events that are searched for our key: a retry follows soon. */
const SEARCHED_MAX = 1000;

export function createAssets(client: AirflowClient): Assets {
  /** Publications under way in this process, so that one key is published once at a time. */
  const underWay = new Map<string, Promise<AssetEvent>>();
  return {
    publish: (event) => {
      const one = `${event.asset} ${event.key}`;
      const publication =
        underWay.get(one) ?? publish(client, event).finally(() => underWay.delete(one));
      underWay.set(one, publication);
      return publication;
    },
    events: async (asset, countMax) => {
      const { id } = await findAsset(client, asset);
      return (await listEvents(client, id, countMax)).map((reply) => eventOf(asset, reply));
    },
    materialize: (asset, key) => materialize(client, asset, key),
  };
}

/** The asset of this URI or name. @throws OrreryError NOT_FOUND when no DAG mentions it */
async function findAsset(client: AirflowClient, asset: string): Promise<AssetReply> {
  for (const pattern of ['uri_pattern', 'name_pattern']) {
    const { assets } = await client.ask(
      {
        action: `look up the asset "${asset}"`,
        method: 'GET',
        path: '/assets',
        query: { [pattern]: asset, limit: PAGE },
      },
      assetsSchema,
    );
    const found = assets.find(({ uri, name }) => uri === asset || name === asset);
    if (found !== undefined) return found;
  }
  throw new OrreryError(
    'NOT_FOUND',
    `Cannot find the asset "${asset}": no DAG of this Airflow reads, writes or waits for it`,
  );
}

async function listEvents(
  client: AirflowClient,
  assetId: number,
  countMax: number,
): Promise<readonly AssetEventReply[]> {
  const found: AssetEventReply[] = [];
  while (found.length < countMax) {
    const limit = Math.min(PAGE, countMax - found.length);
    const { asset_events: page } = await client.ask(
      {
        action: 'list the events of an asset',
        method: 'GET',
        path: '/assets/events',
        query: { asset_id: assetId, order_by: '-timestamp', limit, offset: found.length },
      },
      assetEventsSchema,
    );
    found.push(...page);
    if (page.length < limit) break;
  }
  return found;
}

function eventOf(asset: string, { extra, timestamp }: AssetEventReply): AssetEvent {
  const members = Object.entries(extra ?? {}).filter(
    (member): member is [string, JobParam] =>
      !NOT_EXTRA.has(member[0]) && ['string', 'number', 'boolean'].includes(typeof member[1]),
  );
  const key = extra?.[KEY];
  return {
    asset,
    key: typeof key === 'string' ? key : '',
    at: timestamp,
    extra: Object.fromEntries(members),
  };
}

async function publish(
  client: AirflowClient,
  { asset, key, extra }: Parameters<Assets['publish']>[0],
): Promise<AssetEvent> {
  const reserved = Object.keys(extra).find((name) => NOT_EXTRA.has(name));
  if (reserved !== undefined || key === '') {
    throw new OrreryError(
      'REQUEST_INVALID',
      `Cannot publish news of "${asset}": ${reserved === undefined ? 'the key is empty' : `the member "${reserved}" is kept`}`,
    );
  }
  const { id } = await findAsset(client, asset);
  const present = (await listEvents(client, id, SEARCHED_MAX)).find(
    (event) => event.extra?.[KEY] === key,
  );
  if (present !== undefined) return eventOf(asset, present);
  const made = await client.ask(
    {
      action: `publish news of "${asset}"`,
      method: 'POST',
      path: '/assets/events',
      body: { asset_id: id, extra: { ...extra, [KEY]: key } },
    },
    assetEventSchema,
  );
  return eventOf(asset, made);
}

async function materialize(
  client: AirflowClient,
  asset: string,
  key: string,
): Promise<PipelineHandle> {
  const action = `materialise the asset "${asset}"`;
  const { id, producing_tasks: producers } = await findAsset(client, asset);
  const call: Call = {
    action,
    method: 'POST',
    path: '/assets/{asset_id}/materialize',
    at: { asset_id: id },
    body: {
      dag_run_id: checkRunId(key),
      logical_date: null,
      conf: { [OURS]: { [FOR_ASSET]: asset } },
    },
  };
  const reply = await client.send(call);
  if (reply.status < 300) {
    const { dag_id: dag, dag_run_id: run } = checked(call, reply, runSchema);
    return { key, remoteId: remoteIdOf({ dag, run }) };
  }
  // 409 stands for two DAGs that make it, and for a run that has our id already.
  const [dag, ...others] = new Set(producers.map(({ dag_id: dagId }) => dagId));
  if (reply.status !== 409 || dag === undefined || others.length > 0) throw refusal(action, reply);
  const run = await findRun(client, { dag, run: key });
  const ours = run?.conf?.[OURS];
  if (!isObject(ours) || ours[FOR_ASSET] !== asset) throw refusal(action, reply, 'NAME_TAKEN');
  return { key, remoteId: remoteIdOf({ dag, run: key }) };
}
