// Caches values that many events need again, such as parsed user agents and surrogates, in a map of bounded size.
// Two generations replace a linked list: a hit in the young generation costs one look-up and moves nothing. An entry that is
// not read during a whole generation is evicted.

export class BoundedCache<Value> {
  readonly #generationEntries: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  /** @param maxEntries maximum number of entries. */
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
