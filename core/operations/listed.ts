/** A list that was cut where it would not have fitted into one payload. */
export interface Listed<Item> {
  readonly items: readonly Item[];
  /** How many more there are. */
  readonly left: number;
}

/** What an answer may hold: a payload is at most 256 KiB, and the rest of it needs room too. */
export const LISTED_CHARACTERS_MAX = 160 * 1024;
/** Characters of a text that was cut, such as a difference for a person. */
export const TEXT_CHARACTERS_MAX = 64 * 1024;

/** As many items from the front as fit, by the length of their JSON. */
export function listed<Item>(
  items: readonly Item[],
  charactersMax: number = LISTED_CHARACTERS_MAX,
): Listed<Item> {
  let characters = 0;
  const fitting = items.findIndex((item) => {
    characters += JSON.stringify(item).length + 1;
    return characters > charactersMax;
  });
  const kept = fitting === -1 ? items.length : fitting;
  return { items: items.slice(0, kept), left: items.length - kept };
}

/** The text, or as much of it as fits and how much was left out. */
export function cutText(text: string, charactersMax: number = TEXT_CHARACTERS_MAX): string {
  if (text.length <= charactersMax) return text;
  return `${text.slice(0, charactersMax)}\n… and ${text.length - charactersMax} characters more`;
}
