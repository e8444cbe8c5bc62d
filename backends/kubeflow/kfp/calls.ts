import type { z } from 'zod';

import { OrreryError } from '../../../core/errors.ts';
import type { KfpHttp, KfpReply } from './http.ts';
import { nothing } from './replies.ts';
import type { KfpSettings } from './settings.ts';

/** One condition of a list, after `Predicate` of filter.proto; all conditions must hold. */
export interface Condition {
  readonly key: string;
  readonly operation: 'EQUALS' | 'IS_SUBSTRING';
  readonly value: string;
}
const PAGE_SIZE = 200;
/** Pages of one list before we give up: 20,000 rows. */
const PAGES_MAX = 100;

/** The forms that all calls of the API have. */
export class KfpCalls {
  readonly settings: KfpSettings;
  protected readonly http: KfpHttp;
  /** The far side's clock by its last listed page, milliseconds since 1970. */
  protected farNow = 0;

  protected constructor(settings: KfpSettings, http: KfpHttp) {
    this.settings = settings;
    this.http = http;
  }

  close(): Promise<void> {
    return this.http.close();
  }

  protected async value<Value>(
    request: Parameters<KfpHttp['call']>[0] & { reply: z.ZodType<Value> },
  ) {
    return (await this.http.call<Value>(request)).value;
  }

  protected async post(action: string, path: string): Promise<void> {
    await this.http.call({ action, method: 'POST', path, reply: nothing });
  }

  protected async delete(action: string, path: string, query: Readonly<Record<string, string>>) {
    await this.http.call({ action, method: 'DELETE', path, query, reply: nothing });
  }

  protected namespace(): Readonly<Record<string, string>> {
    const { namespace } = this.settings;
    return namespace === '' ? {} : { namespace };
  }

  #page<Page>(
    what: string,
    path: string,
    reply: z.ZodType<Page>,
    { conditions, token }: { readonly conditions: readonly Condition[]; readonly token: string },
  ): Promise<KfpReply<Page>> {
    const predicates = conditions.map(({ key, operation, value }) => ({
      key,
      operation,
      string_value: value,
    }));
    return this.http.call({
      action: `list ${what}`,
      method: 'GET',
      path,
      query: {
        ...(path.endsWith('/versions') ? {} : this.namespace()),
        page_size: String(PAGE_SIZE),
        sort_by: 'created_at desc',
        ...(predicates.length === 0 ? {} : { filter: JSON.stringify({ predicates }) }),
        ...(token === '' ? {} : { page_token: token }),
      },
      reply,
    });
  }

  protected async list<Page extends { readonly next_page_token: string }>(
    what: string,
    path: string,
    reply: z.ZodType<Page>,
    conditions: readonly Condition[],
  ): Promise<readonly Page[]> {
    const listed: Page[] = [];
    for (let token = ''; listed.length < PAGES_MAX;) {
      const { value, farNow } = await this.#page(what, path, reply, { conditions, token });
      this.farNow = farNow;
      listed.push(value);
      token = value.next_page_token;
      if (token === '') return listed;
    }
    throw new OrreryError(
      'REPLY_MALFORMED',
      `Cannot list ${what}: there are more than ${PAGES_MAX} pages of ${PAGE_SIZE}`,
    );
  }
}
