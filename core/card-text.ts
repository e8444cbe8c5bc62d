import { utf8ToBytes } from '@noble/hashes/utils.js';

/** What markdown cards are made of: see `lifecycleCard`. */

/** Temporal refuses the current details of a workflow above this. */
export const CARD_BYTES_MAX = 20_000;

/** How much of a long state a card tells. */
export interface Detail {
  /** Newest rows of a list. */
  readonly rows: number;
  /** UTF-16 units of one text, of which each takes at most 3 bytes. */
  readonly chars: number;
}

/** The first level that fits is used. Three lists and a reason of the last one always fit. */
const DETAIL_LEVELS: readonly Detail[] = [
  { rows: 100, chars: 600 },
  { rows: 30, chars: 300 },
  { rows: 12, chars: 150 },
];

/** A titled list, the oldest rows left out where it is too long; nothing when it is empty. */
export function section(title: string, rows: readonly string[], detail: Detail): string[] {
  if (rows.length === 0) return [];
  const untold = Math.max(0, rows.length - detail.rows);
  const told = rows.slice(untold).map((row) => `- ${clipped(row, detail)}`);
  return [`**${title}**\n${[...(untold > 0 ? [`- … ${untold} before`] : []), ...told].join('\n')}`];
}

/** The text on one line, cut where it is too long and never inside of a surrogate pair. */
export function clipped(text: string, { chars }: Detail): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length <= chars ? line : `${line.slice(0, chars).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** The lines as one text, at the most detail that Temporal takes. */
export function fitting(linesOf: (detail: Detail) => string[]): string {
  let card = '';
  for (const detail of DETAIL_LEVELS) {
    card = linesOf(detail).join('\n\n');
    if (utf8ToBytes(card).length <= CARD_BYTES_MAX) break;
  }
  return card;
}

/** A command to be copied. */
export function command(text: string): string {
  return `\`\`\`\n${text}\n\`\`\``;
}
