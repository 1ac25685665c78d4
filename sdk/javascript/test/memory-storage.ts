/** `localStorage` for Node, with the faults a browser's can have. */
import type { StorageLike } from "../src/index.ts";

export class MemoryStorage implements StorageLike {
  readonly entries = new Map<string, string>();
  /** UTF-16 units of keys and values it takes; a browser gives about 5 million. */
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

  /** The waiting events in it. */
  get queued(): string[] {
    return [...this.entries.keys()].filter((key) => key.includes(".queue."));
  }
}

/** Throws at every touch, as with cookies blocked. */
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
