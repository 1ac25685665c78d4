// Kinesis on this machine: kinesalite on top of LevelDB, on loopback.
//
// It has the service's validation errors but no read limits. The real service allows five reads a second per shard. The emulator
// does not enforce this limit, so several consumers may poll every 100 ms. The emulator also does not support the StreamARN
// argument.

import type { Server } from "node:http";
import { STREAMS } from "@behaviour/contract";
import kinesalite from "kinesalite";
import store from "kinesalite/db/index.js";
import { closeServer, type ListeningPart, listenOnLoopback } from "./listening.ts";

/** More shards than resharding on one machine needs. Two splits of two streams already reach the emulator's default of 10. */
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
 * A timer in the emulator's memory creates, splits and deletes a stream. If the process is killed before the timer fires, the
 * stream stays CREATING, UPDATING or DELETING for ever. A stream that is being created or deleted cannot hold a record.
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
