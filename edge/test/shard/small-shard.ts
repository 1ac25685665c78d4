// The shard's object as the tests' Worker exports it: a test may give smaller bounds to the objects that are built while it runs.

import type { Env } from "../../src/env.ts";
import { SHARD_BOUNDS, type ShardBounds } from "../../src/shard/bounds.ts";
import { BufferShard as Shard } from "../../src/shard/shard.ts";

let bounds: ShardBounds = SHARD_BOUNDS;

/** Objects that are built from now on have these bounds. An object in memory keeps its own: call this before its first append. */
export function shrinkShards(changes: Partial<ShardBounds>): void {
  bounds = { ...SHARD_BOUNDS, ...changes };
}

export function restoreShards(): void {
  bounds = SHARD_BOUNDS;
}

export class BufferShard extends Shard {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, bounds);
  }
}
