import type { Client } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../core/messages.ts';
import { askEngine } from '../engine-errors.ts';
import { OrreryError } from '../../core/errors.ts';

/** temporal.api.enums.v1.IndexedValueType */
const INDEXED_VALUE_TYPES = { Keyword: 2, Double: 4, Bool: 5 } as const;

export interface EngineSetup {
  readonly namespace: string;
  readonly added: readonly string[];
  readonly present: readonly string[];
}

/**
 * Registers the search attributes that are missing in the client's namespace. Idempotent.
 *
 * @throws OrreryError SETTINGS_INVALID when one exists with another type; FORBIDDEN on servers that
 *   take search attributes elsewhere, such as Temporal Cloud; ENGINE_UNREACHABLE
 */
export async function setupEngine(client: Client): Promise<EngineSetup> {
  const { namespace } = client.options;
  const { operatorService } = client.connection;
  return askEngine(client, `register search attributes in "${namespace}"`, async () => {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    const plan = planAttributes((customAttributes ?? {}) as Record<string, number>);
    if (Object.keys(plan.missing).length > 0) {
      await operatorService.addSearchAttributes({ namespace, searchAttributes: plan.missing });
    }
    return { namespace, added: Object.keys(plan.missing), present: plan.present };
  });
}

/** @throws OrreryError SETTINGS_INVALID */
export function planAttributes(existing: Readonly<Record<string, number>>): {
  readonly missing: Record<string, number>;
  readonly present: readonly string[];
} {
  const missing: Record<string, number> = {};
  const present: string[] = [];
  for (const [name, type] of Object.entries(SEARCH_ATTRIBUTES)) {
    const wanted = INDEXED_VALUE_TYPES[type];
    if (existing[name] === undefined) missing[name] = wanted;
    else if (existing[name] === wanted) present.push(name);
    else {
      throw new OrreryError(
        'SETTINGS_INVALID',
        `Cannot register the search attribute ${name}: it exists as type ${existing[name]}, wanted ${type} (${wanted})`,
      );
    }
  }
  return { missing, present };
}
