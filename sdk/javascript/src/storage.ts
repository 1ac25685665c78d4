/**
 * Stores ids and waiting events beyond the lifetime of a page. Storage may be missing (Node), blocked (with some privacy
 * settings, reading `localStorage` throws) or full. Such a fault must not reach the caller, so an entry that the storage
 * refuses is kept in memory.
 */

/** The part of the DOM's `Storage` that the library uses, for example `window.localStorage`. */
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
  /** Entries that the storage refused. They take precedence over the storage when read. */
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
      // Storage is blocked, full, or was removed while the page was open (Safari does this). Memory replaces it.
      return undefined;
    }
  }
}

/** The browser's `localStorage`, or undefined if it does not exist or access is forbidden. */
export function browserStorage(): StorageLike | undefined {
  // Node has its own `localStorage` that warns or throws on access. Only a page's storage is wanted.
  if (typeof document === "undefined") return undefined;
  try {
    return window.localStorage;
  } catch {
    return undefined; // SecurityError: the visitor blocks storage
  }
}
