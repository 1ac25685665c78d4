// A map that cannot grow without bound, for what every event asks again: parsed user agents, surrogates.
// Two generations instead of a linked list: a hit costs one look-up and moves nothing, and what was not asked for during a
// whole generation is let go.

export class BoundedCache<Value> {
  readonly #generationEntries: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  /** @param maxEntries the most it ever holds. */
  constructor(maxEntries: number) {
    this.#generationEntries = Math.max(1, Math.floor(maxEntries / 2));
  }

  get(key: string): Value | undefined {
    const found = this.#young.get(key);
    if (found !== undefined) return found;
    const older = this.#old.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  set(key: string, value: Value): void {
    if (this.#young.size >= this.#generationEntries && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
