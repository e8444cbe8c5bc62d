import type { Client } from '@temporalio/client';
import { OrreryError } from '../../core/errors.ts';
import type { BackendDescription, CheckAnswer, Resources } from '../../core/operations/order.ts';
import type { PriceQuote } from '../../core/ports/prices.ts';
import { giveOrder } from './give-order.ts';

/** The machine whose price is compared unless another is asked for. */
export const REFERENCE_MACHINE: Resources = { cpus: 4, memoryMiB: 16_384 };

export type CheckState = 'ready' | 'missing' | 'unknown' | 'unchecked' | 'not configured';

export interface BackendCheck {
  readonly backend: string;
  /** `unchecked`: it has no check of its own. */
  readonly state: CheckState;
  readonly seconds: number;
  readonly findings: NonNullable<CheckAnswer['findings']>;
}

/** A row of the price list. */
export interface BackendOffer extends BackendDescription {
  readonly state: CheckState;
  /** What is not as it should be, in a few words; empty when ready. */
  readonly problem: string;
  /** Endpoint or region as the check tells it; null when it tells none. */
  readonly endpoint: string | null;
  /** null without a price book, or when it does not answer. */
  readonly price: PriceQuote | null;
}

/** @throws OrreryError ENGINE_UNREACHABLE */
export async function listBackends(client: Client): Promise<readonly BackendDescription[]> {
  return (await giveOrder(client, { kind: 'list' })).items;
}

/** @throws OrreryError BACKEND_UNKNOWN, ENGINE_UNREACHABLE */
export async function describeBackend(client: Client, name: string): Promise<BackendDescription> {
  const known = await listBackends(client);
  const found = known.find((backend) => backend.name === name);
  if (found !== undefined) return found;
  throw new OrreryError(
    'BACKEND_UNKNOWN',
    `Cannot describe "${name}": no backend has this name, choose ${known.map((each) => each.name).join(', ')}`,
  );
}

/**
 * Asks the named far sides, or all that are configured, whether they would work; changes nothing.
 *
 * @throws OrreryError BACKEND_UNKNOWN, ENGINE_UNREACHABLE
 */
export async function checkBackends(
  client: Client,
  names: readonly string[] = [],
): Promise<readonly BackendCheck[]> {
  const known = await listBackends(client);
  const strange = names.find((name) => !known.some((backend) => backend.name === name));
  if (strange !== undefined) await describeBackend(client, strange);
  const wanted = known.filter(({ name, configured }) =>
    names.length === 0 ? configured : names.includes(name),
  );
  return Promise.all(wanted.map((backend) => checkOne(client, backend)));
}

/**
 * What each backend offers, whether it answers and what it asks for a machine, like a price list.
 *
 * @throws OrreryError ENGINE_UNREACHABLE
 */
export async function offersOf(
  client: Client,
  resources: Resources = REFERENCE_MACHINE,
): Promise<readonly BackendOffer[]> {
  const known = await listBackends(client);
  return Promise.all(
    known.map(async (backend): Promise<BackendOffer> => {
      const [{ state, findings }, price] = await Promise.all([
        checkOne(client, backend),
        quoteOf(client, backend, resources),
      ]);
      const wrong = findings.filter((finding) => finding.state !== 'ok');
      const place = findings.find(({ subject }) => /^(endpoint|region|cluster|host)/.test(subject));
      return {
        ...backend,
        state,
        problem: wrong.map(({ subject, told }) => `${subject}: ${told}`).join('; '),
        endpoint: place?.state === 'ok' ? place.told : null,
        price,
      };
    }),
  );
}

async function checkOne(
  client: Client,
  { name: backend, configured }: BackendDescription,
): Promise<BackendCheck> {
  if (!configured) return { backend, state: 'not configured', seconds: 0, findings: [] };
  try {
    const { findings, seconds } = await giveOrder(client, { kind: 'check', backend });
    return { backend, state: stateOf(findings), seconds, findings: findings ?? [] };
  } catch (error) {
    if (!(error instanceof OrreryError) || error.code === 'ENGINE_UNREACHABLE') throw error;
    const finding = { subject: 'check', state: 'unknown', told: error.message } as const;
    const action = `Look up ${error.code} in docs/errors.md`;
    return { backend, state: 'unknown', seconds: 0, findings: [{ ...finding, action }] };
  }
}

function stateOf(findings: CheckAnswer['findings']): CheckState {
  if (findings === null) return 'unchecked';
  const states = findings.map(({ state }) => state);
  if (states.includes('missing')) return 'missing';
  return states.includes('unknown') ? 'unknown' : 'ready';
}

/** A price that cannot be told is no reason to tell nothing else. */
async function quoteOf(
  client: Client,
  { name: backend, configured, has }: BackendDescription,
  resources: Resources,
): Promise<PriceQuote | null> {
  if (!configured || !has.includes('prices')) return null;
  try {
    return await giveOrder(client, { kind: 'quotePrice', backend, resources });
  } catch (error) {
    if (!(error instanceof OrreryError) || error.code === 'ENGINE_UNREACHABLE') throw error;
    return null;
  }
}
