// Access to the shards' own SQLite files, for conditions that no test can wait for. Use it only while the pipeline is stopped.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * Moves the times of all flushed messages that the shards remember back by `byMs`.
 * @returns the number of id rows that were moved.
 */
export function agePastMessages(dataDir: string, byMs: number): number {
  let moved = 0;
  for (const entry of readdirSync(join(dataDir, "edge"), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".sqlite")) continue;
    const database = new DatabaseSync(join(entry.parentPath, entry.name));
    try {
      const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
      if (!tables.some(({ name }) => name === "shard_state")) continue;
      for (const table of tables.map(({ name }) => String(name))) {
        if (!/^rows_\d+$/.test(table)) continue;
        const { changes } = database.prepare(`UPDATE ${table} SET committed_at_ms = committed_at_ms - ?`).run(byMs);
        moved += Number(changes);
      }
      database
        .prepare("UPDATE id_runs SET oldest_at_ms = oldest_at_ms - ?1, newest_at_ms = newest_at_ms - ?1")
        .run(byMs);
    } finally {
      database.close();
    }
  }
  return moved;
}
