// Provides a storage for the parts of a shard. A test can count its statements and make them fail.

import { runInDurableObject } from "cloudflare:test";
import { migrate } from "../../src/shard/schema.ts";
import { newProject } from "../keys.ts";
import { shardOf } from "./stub.ts";

export interface Watched {
  storage: DurableObjectStorage;
  rowsWritten: number;
  rowsRead: number;
  /** Number of writing statements since this field was last set. */
  writes: number;
  /** The write with this number and all later writes fail as on a full disk; null means that no write fails. */
  failFrom: number | null;
}

/** The storage of a shard that was never called, migrated to the current version. */
export function withStorage<T>(use: (watched: Watched) => Promise<T> | T): Promise<T> {
  return runInDurableObject(shardOf(newProject("storage")), async (_shard, { storage }) => {
    for (const table of ["shard_state", "id_runs", "id_pages", "schema_version"]) {
      storage.sql.exec(`DROP TABLE IF EXISTS ${table}`);
    }
    migrate(storage);
    return use(watch(storage));
  });
}

const WRITES = /^\s*(INSERT|UPDATE|DELETE|CREATE|DROP|ALTER)/i;

function watch(storage: DurableObjectStorage): Watched {
  const watched: Watched = { storage, rowsWritten: 0, rowsRead: 0, writes: 0, failFrom: null };
  const exec = (query: string, ...bindings: unknown[]) => {
    if (WRITES.test(query)) {
      watched.writes++;
      if (watched.failFrom !== null && watched.writes >= watched.failFrom) {
        throw new Error("database or disk is full: SQLITE_FULL");
      }
    }
    const cursor = storage.sql.exec(query, ...bindings);
    const rows = cursor.toArray();
    watched.rowsWritten += cursor.rowsWritten;
    watched.rowsRead += cursor.rowsRead;
    return { toArray: () => rows, one: () => rows[0], [Symbol.iterator]: () => rows[Symbol.iterator]() };
  };
  const sql = {
    exec,
    get databaseSize() {
      return storage.sql.databaseSize;
    },
  };
  const transactionSync = <T>(work: () => T): T => storage.transactionSync(work);
  watched.storage = { sql, transactionSync } as unknown as DurableObjectStorage;
  return watched;
}
