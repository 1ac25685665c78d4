// The parts of two untyped emulators that the local stack uses.

declare module "kinesalite" {
  import type { Server } from "node:http";

  interface Options {
    /** LevelDB folder; in memory when absent. */
    path?: string;
    ssl?: boolean;
    createStreamMs?: number;
    deleteStreamMs?: number;
    updateStreamMs?: number;
    shardLimit?: number;
  }
  export default function kinesalite(options?: Options): Server;
}

declare module "kinesalite/db/index.js" {
  interface StoredStream {
    StreamStatus: "CREATING" | "ACTIVE" | "UPDATING" | "DELETING";
  }
  interface Store {
    db: { close(done: (error?: Error) => void): void };
    metaDb: {
      get(key: string, done: (error: Error | undefined, value: StoredStream) => void): void;
      put(key: string, value: StoredStream, done: (error?: Error) => void): void;
      del(key: string, done: (error?: Error) => void): void;
    };
  }
  const database: { create(options: { path?: string }): Store };
  export default database;
}

declare module "dynalite" {
  import type { Server } from "node:http";

  interface Options {
    /** LevelDB folder; in memory when absent. */
    path?: string;
    ssl?: boolean;
    createTableMs?: number;
    deleteTableMs?: number;
    updateTableMs?: number;
  }
  export default function dynalite(options?: Options): Server;
}

declare module "dynalite/db/index.js" {
  interface StoredTable {
    TableStatus: "CREATING" | "ACTIVE" | "UPDATING" | "DELETING";
  }
  type Done<T> = (error: Error | null, value: T) => void;
  interface Store {
    db: { close(done: Done<void>): void };
    tableDb: {
      get(key: string, done: Done<StoredTable>): void;
      put(key: string, value: StoredTable, done: Done<void>): void;
      del(key: string, done: Done<void>): void;
    };
  }
  const database: { create(options: { path?: string }): Store };
  export default database;
}
