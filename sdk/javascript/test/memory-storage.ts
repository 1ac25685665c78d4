/** Simulates `localStorage` in Node, with the faults that a browser's storage can have. */
import type { StorageLike } from "../src/index.ts";

export class MemoryStorage implements StorageLike {
  readonly entries = new Map<string, string>();
  /** Maximum number of UTF-16 units in keys and values. A browser allows about 5 million. */
  quota: number = Number.POSITIVE_INFINITY;

  get length(): number {
    return this.entries.size;
  }

  key(index: number): string | null {
    return [...this.entries.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    return this.entries.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    let used = key.length + value.length;
    for (const [otherKey, otherValue] of this.entries) {
      if (otherKey !== key) used += otherKey.length + otherValue.length;
    }
    if (used > this.quota) throw new DOMException("full", "QuotaExceededError");
    this.entries.set(key, value);
  }

  removeItem(key: string): void {
    this.entries.delete(key);
  }

  /** The storage keys of the queued events. */
  get queued(): string[] {
    return [...this.entries.keys()].filter((key) => key.includes(".queue."));
  }
}

/** Throws on every access, like the storage of a browser that blocks cookies. */
export const blockedStorage: StorageLike = {
  get length(): number {
    throw new DOMException("denied", "SecurityError");
  },
  key: deny,
  getItem: deny,
  setItem: deny,
  removeItem: deny,
};

function deny(): never {
  throw new DOMException("denied", "SecurityError");
}
