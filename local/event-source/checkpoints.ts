// The position of a consumer in each shard of its stream. The positions are kept in one small file that survives `kill -9` and a
// power cut complete. A position may be behind the work that was done but never ahead of it. After a restart the last batches are
// delivered again (at least once).

import { mkdirSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod/mini";
import { readJsonFile } from "../durable.ts";

const StoredCheckpoints = z.object({
  /** A stream that was recreated under the same name has other sequence numbers. */
  streamIdentity: z.string(),
  shards: z.record(z.string(), z.object({ sequence: z.optional(z.string()), finished: z.boolean() })),
});

export interface ShardCheckpoint {
  /** The last record that is finished. If it is absent, the shard is read from its start. */
  sequence?: string | undefined;
  /** A reshard closed the shard, and the consumer has read the shard to its end. */
  finished: boolean;
}

export class Checkpoints {
  readonly #path: string;
  readonly #streamIdentity: string;
  readonly #shards: Map<string, ShardCheckpoint>;
  #dirty = false;
  #writing: Promise<void> | undefined;

  /** @throws when the file exists but cannot be read. Continuing without it would repeat the whole stream unnoticed. */
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

  /** Written soon. The caller does not wait for the disk. */
  advance(shardId: string, sequence: string): void {
    this.#shards.set(shardId, { sequence, finished: false });
    this.#write();
  }

  finish(shardId: string): void {
    this.#shards.set(shardId, { ...this.of(shardId), finished: true });
    this.#write();
  }

  /** Removes shards that the stream no longer lists. */
  keepOnly(shardIds: ReadonlySet<string>): void {
    for (const shardId of this.#shards.keys()) if (!shardIds.has(shardId)) this.#shards.delete(shardId);
  }

  /** Resolves when every position that was reported before the call is on disk. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** One write at a time. Positions that are reported during a write go into the next write. */
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
        // The disk may be full. The next advance tries again. Until then a restart repeats more records.
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
