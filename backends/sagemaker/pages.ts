import { OrreryError } from '../../core/errors.ts';
import { awsError } from '../connections/aws/errors.ts';

const PAGE_SIZE = 100;
/** A list that is longer than this many pages is not read to its end. */
const PAGES_MAX = 200;

interface Page<Item> {
  readonly items: readonly Item[] | undefined;
  readonly next: string | undefined;
}

/**
 * Reads a list page by page.
 *
 * @throws OrreryError BACKEND_UNAVAILABLE when it has no end within `PAGES_MAX` pages
 */
export async function listed<Item>(
  what: string,
  ask: (page: { MaxResults: number; NextToken?: string }) => Promise<Page<Item>>,
): Promise<readonly Item[]> {
  const all: Item[] = [];
  let token: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const reply: Page<Item> = await ask({
      MaxResults: PAGE_SIZE,
      ...(token === undefined ? {} : { NextToken: token }),
    }).catch((error: unknown) => {
      throw awsError(error, `list the ${what}`);
    });
    all.push(...(reply.items ?? []));
    token = reply.next;
    if (token === undefined) return all;
  }
  throw new OrreryError(
    'BACKEND_UNAVAILABLE',
    `Cannot list the ${what}: there are more than ${PAGES_MAX * PAGE_SIZE}, wanted fewer`,
  );
}
