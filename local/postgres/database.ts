// The embedded database engine: PGlite built with TimescaleDB, with its files in a folder.
//
// A folder cannot be opened again if its first start was killed. A marker beside the folder therefore says that the folder is
// complete. Without the marker the folder is created again. `LOAD 'timescaledb'` must be the first statement after every open.
// Otherwise compressed chunks read as empty without an error.

import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";
import { timescaledb } from "@electric-sql/pglite/timescaledb";
import { writeDurably } from "../durable.ts";

const MARKER = "complete";

/**
 * Opens the database in `folder`, or a database in memory.
 * @throws when the engine cannot open the files.
 */
export async function openDatabase(folder: string | undefined): Promise<PGlite> {
  if (folder === undefined) return openFiles(undefined);
  const files = join(folder, "files");
  const marker = join(folder, MARKER);
  if (!existsSync(marker)) {
    rmSync(files, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    await makeInWorker(files);
    writeDurably(marker, `${new Date().toISOString()}\n`);
  }
  return openFiles(files);
}

/** Opens the files, or creates them when they do not exist. */
export async function openFiles(files: string | undefined): Promise<PGlite> {
  const database = await PGlite.create({
    ...(files === undefined ? {} : { dataDir: files }),
    extensions: { timescaledb },
  });
  await database.exec("LOAD 'timescaledb'");
  await database.exec("CREATE EXTENSION IF NOT EXISTS timescaledb");
  return database;
}

/**
 * Creating a database takes twice the memory of an open database, and the process never returns that memory. The memory of a
 * thread is returned when the thread ends.
 */
async function makeInWorker(files: string): Promise<void> {
  const worker = new Worker(new URL("make.ts", import.meta.url), { workerData: { files } });
  await new Promise<void>((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`creating the database ended with ${code}`)),
    );
  });
}
