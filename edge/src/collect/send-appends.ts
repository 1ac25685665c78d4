// Makes one call to a shard, whichever release it runs: after a deploy a shard may run the previous one for minutes. ADR 011.

import type { AppendAnswer, AppendInput } from "../shard/append.ts";
import { packAppends } from "../shard/append-call.ts";
import { packAppends1 } from "../shard/append-call-1.ts";
import type { BufferShard } from "../shard/shard.ts";

type ShardCalls = Pick<DurableObjectStub<BufferShard>, "append" | "append2">;

/** How long a shard is taken to be of the previous release before the new method is tried again. */
const OLD_FOR_MS = 10_000;
const OLD_SHARDS_MAX = 1_000;

/** By name: when the shard was last seen to lack the new method. */
const oldShards = new Map<string, number>();

/** @param stub gives a new one each time: one that a call failed on is broken for good. */
export async function sendAppends(
  name: string,
  stub: () => ShardCalls,
  inputs: readonly AppendInput[],
): Promise<AppendAnswer[]> {
  if (!isOld(name)) {
    try {
      return await stub().append2(packAppends(inputs));
    } catch (fault) {
      if (!lacksMethod(fault)) throw fault;
      if (oldShards.size >= OLD_SHARDS_MAX) oldShards.clear();
      oldShards.set(name, Date.now());
    }
  }
  return stub().append(packAppends1(inputs));
}

function isOld(name: string): boolean {
  const seenAtMs = oldShards.get(name);
  if (seenAtMs === undefined) return false;
  const agoMs = Date.now() - seenAtMs;
  // A clock that was set back must not keep the answer for longer.
  if (agoMs >= 0 && agoMs < OLD_FOR_MS) return true;
  oldShards.delete(name);
  return false;
}

/** The runtime's own words: `The RPC receiver does not implement the method "append2".` Nothing was run then. */
function lacksMethod(fault: unknown): boolean {
  return fault instanceof Error && /^The RPC receiver does not implement .*"append2"/.test(fault.message);
}
