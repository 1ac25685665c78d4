// How far a consumer has come in each shard of its stream, in one small file that survives `kill -9` and a power cut whole.
// It may lag behind what was done, never be ahead of it: after a restart the last batches come again (at least once).

import { mkdirSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod/mini";
import { readJsonFile } from "../durable.ts";

const StoredCheckpoints = z.object({
  /** A stream made anew under the same name has other sequence numbers. */
  streamIdentity: z.string(),
  shards: z.record(z.string(), z.object({ sequence: z.optional(z.string()), finished: z.boolean() })),
});

export interface ShardCheckpoint {
  /** The last record that is finished with; none: the shard is read from its start. */
  sequence?: string | undefined;
  /** The shard was closed by a reshard and has been read to its end. */
  finished: boolean;
}

export class Checkpoints {
  readonly #path: string;
  readonly #streamIdentity: string;
  readonly #shards: Map<string, ShardCheckpoint>;
  #dirty = false;
  #writing: Promise<void> | undefined;

  /** @throws when the file is there but cannot be read: going on from nothing would repeat the whole stream unnoticed. */
  constructor(folder: string, consumer: string, streamIdentity: string) {
    mkdirSync(folder, { recursive: true });
    this.#path = join(folder, `${consumer}.json`);
    this.#streamIdentity = streamIdentity;
    const file = readJsonFile(this.#path);
    const stored = file === undefined ? undefined : StoredCheckpoints.parse(file);
    this.#shards = new Map(stored?.streamIdentity === streamIdentity ? Object.entries(stored.shards) : []);
  }

  of(shardId: string): ShardCheckpoint {
    return this.#shards.get(shardId) ?? { finished: false };
  }

  /** Written soon, without anybody waiting for the disk. */
  advance(shardId: string, sequence: string): void {
    this.#shards.set(shardId, { sequence, finished: false });
    this.#write();
  }

  finish(shardId: string): void {
    this.#shards.set(shardId, { ...this.of(shardId), finished: true });
    this.#write();
  }

  /** Forgets shards that the stream no longer lists. */
  keepOnly(shardIds: ReadonlySet<string>): void {
    for (const shardId of this.#shards.keys()) if (!shardIds.has(shardId)) this.#shards.delete(shardId);
  }

  /** Resolves when everything said so far is on disk. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** One write at a time; what is said meanwhile goes with the next. */
  #write(): void {
    this.#dirty = true;
    this.#writing ??= this.#writeWhileDirty().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeWhileDirty(): Promise<void> {
    while (this.#dirty) {
      this.#dirty = false;
      const stored = { streamIdentity: this.#streamIdentity, shards: Object.fromEntries(this.#shards) };
      try {
        await replaceFile(this.#path, JSON.stringify(stored));
      } catch (fault) {
        // A full disk: the next advance tries again; until then a restart repeats more.
        console.error(JSON.stringify({ level: "error", message: "checkpoint not written", problem: String(fault) }));
      }
    }
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const aside = `${path}.new`;
  const file = await open(aside, "w", 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, path);
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
