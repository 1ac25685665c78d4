// Kinesis on this machine: kinesalite with LevelDB below it, on loopback.
//
// It has the service's validation errors but no read limits: the five reads a second per shard of the real service are not
// enforced, so several consumers may poll every 100 ms. Nor does it know a StreamARN argument.

import type { Server } from "node:http";
import { STREAMS } from "@behaviour/contract";
import kinesalite from "kinesalite";
import store from "kinesalite/db/index.js";
import { closeServer, type ListeningPart, listenOnLoopback } from "./listening.ts";

/** More than resharding on one machine needs; the emulator's own default (10) is reached by two splits of two streams. */
const SHARD_LIMIT = 200;

export async function startKinesis(options: { path?: string; port?: number }): Promise<ListeningPart> {
  if (options.path !== undefined) await finishInterruptedChanges(options.path);
  const server: Server = kinesalite({
    ...(options.path === undefined ? {} : { path: options.path }),
    createStreamMs: 0,
    deleteStreamMs: 0,
    updateStreamMs: 0,
    shardLimit: SHARD_LIMIT,
  });
  const endpoint = await listenOnLoopback(server, options.port ?? 0);
  return { endpoint, stop: () => closeServer(server) };
}

/**
 * A stream is created, split and deleted by a timer in the emulator's memory, so a process that is killed in between leaves
 * it CREATING, UPDATING or DELETING for ever. No record can lie in a stream that is being created or deleted.
 */
async function finishInterruptedChanges(path: string): Promise<void> {
  const { db, metaDb } = store.create({ path });
  for (const name of Object.values(STREAMS)) {
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve());
      metaDb.get(name, (error, stream) => {
        if (error?.name === "NotFoundError") resolve();
        else if (error) reject(error);
        else if (stream.StreamStatus === "UPDATING") metaDb.put(name, { ...stream, StreamStatus: "ACTIVE" }, done);
        else if (stream.StreamStatus === "ACTIVE") resolve();
        else metaDb.del(name, done);
      });
    });
  }
  await new Promise<void>((resolve, reject) => db.close((error) => (error ? reject(error) : resolve())));
}
