// DynamoDB on this machine: dynalite on top of LevelDB, on loopback. It has no transactions and no expiry. The tiers use
// conditional updates of single items and check `expiresAt` themselves.

import "./level-options.ts";
import { TABLES } from "@behaviour/contract";
import dynalite from "dynalite";
import store from "dynalite/db/index.js";
import { closeServer, type ListeningPart, listenOnLoopback } from "./listening.ts";

export async function startDynamodb(options: { path?: string; port?: number }): Promise<ListeningPart> {
  if (options.path !== undefined) await finishInterruptedChanges(options.path);
  const server = dynalite({
    ...(options.path === undefined ? {} : { path: options.path }),
    createTableMs: 0,
    deleteTableMs: 0,
    updateTableMs: 0,
  });
  const endpoint = await listenOnLoopback(server, options.port ?? 0);
  return { endpoint, stop: () => closeServer(server) };
}

/**
 * A timer in the emulator's memory makes a table ACTIVE. If the process is killed before that, the table stays CREATING for ever.
 * A table in that state cannot even be deleted over the API.
 */
async function finishInterruptedChanges(path: string): Promise<void> {
  const { db, tableDb } = store.create({ path });
  for (const name of Object.values(TABLES)) {
    await new Promise<void>((resolve, reject) => {
      const done = (error: Error | null) => (error ? reject(error) : resolve());
      tableDb.get(name, (error, table) => {
        if (error?.name === "NotFoundError" || table === undefined) resolve();
        else if (error) reject(error);
        else if (table.TableStatus === "ACTIVE") resolve();
        else if (table.TableStatus === "DELETING") tableDb.del(name, done);
        else tableDb.put(name, { ...table, TableStatus: "ACTIVE" }, done);
      });
    });
  }
  await new Promise<void>((resolve, reject) => db.close((error) => (error ? reject(error) : resolve())));
}
