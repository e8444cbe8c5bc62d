const POLL_MS = 20;
const LIMIT_MS = 20_000;

/** Asks until there is an answer that is not null; the limit is for machines under load. */
export async function until<T>(
  condition: string,
  ask: () => Promise<T | null>,
  limitMs = LIMIT_MS,
): Promise<T> {
  const giveUpAt = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (Date.now() > giveUpAt) throw new Error(`${condition}: not within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
