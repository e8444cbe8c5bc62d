/**
 * The layer's time: the machine's, run faster, and moved by hand. A job of minutes then takes
 * milliseconds, and a test that moves the time itself waits for nothing.
 */
export class LayerClock {
  readonly #speed: number;
  readonly #startedAt = Date.now();
  #movedMs = 0;

  /** @param speed seconds of the layer in one real second; 0 for a time that only `advance` moves */
  constructor(speed: number) {
    this.#speed = speed;
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#startedAt + (Date.now() - this.#startedAt) * this.#speed + this.#movedMs;
  }

  advance(seconds: number): void {
    this.#movedMs += seconds * 1000;
  }
}
