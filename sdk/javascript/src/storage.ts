/**
 * Where ids and waiting events outlive a page. Storage may be missing (Node), blocked (privacy settings make the mere
 * look at `localStorage` throw) or full; none of it may reach the caller, so what it refuses is kept in memory instead.
 */

/** The part of the DOM's `Storage` that is used; `window.localStorage` is one. */
export interface StorageLike {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** A key-value store that never throws. */
export class SafeStorage {
  readonly #storage: StorageLike | undefined;
  /** What the storage refused to take. It wins over the storage when read. */
  readonly #memory = new Map<string, string>();

  constructor(storage: StorageLike | undefined) {
    this.#storage = storage;
  }

  get(key: string): string | undefined {
    return this.#memory.get(key) ?? this.#attempt((storage) => storage.getItem(key)) ?? undefined;
  }

  set(key: string, value: string): void {
    const stored = this.#attempt((storage) => {
      storage.setItem(key, value);
      return true;
    });
    if (stored) this.#memory.delete(key);
    else this.#memory.set(key, value);
  }

  remove(key: string): void {
    this.#memory.delete(key);
    this.#attempt((storage) => storage.removeItem(key));
  }

  /** Keys that begin with `prefix`, sorted. */
  keys(prefix: string): string[] {
    const found = new Set<string>();
    for (const key of this.#memory.keys()) if (key.startsWith(prefix)) found.add(key);
    this.#attempt((storage) => {
      for (let index = 0; index < storage.length; index++) {
        const key = storage.key(index);
        if (key?.startsWith(prefix)) found.add(key);
      }
    });
    return [...found].sort();
  }

  #attempt<T>(use: (storage: StorageLike) => T): T | undefined {
    if (!this.#storage) return undefined;
    try {
      return use(this.#storage);
    } catch {
      // Blocked, full, or taken away while the page was open (Safari does so): memory stands in.
      return undefined;
    }
  }
}

/** The browser's `localStorage`, or undefined where there is none or it may not be looked at. */
export function browserStorage(): StorageLike | undefined {
  // Node has a `localStorage` of its own that warns or throws when touched; only a page's is meant.
  if (typeof document === "undefined") return undefined;
  try {
    return window.localStorage;
  } catch {
    return undefined; // SecurityError: the visitor blocks storage
  }
}
