// Makes one call to a shard, whichever release it runs: after a deploy a shard may run the previous release for minutes. ADR 011.

import type { AppendAnswer, AppendInput } from "../shard/append.ts";
import { packAppends } from "../shard/append-call.ts";
import { packAppends1 } from "../shard/append-call-1.ts";
import type { BufferShard } from "../shard/shard.ts";

type ShardCalls = Pick<DurableObjectStub<BufferShard>, "append" | "append2">;

/** How long a shard is assumed to run the previous release before the new method is tried again. */
const OLD_FOR_MS = 10_000;
const OLD_SHARDS_MAX = 1_000;

/** By shard name: when the shard last turned out to lack the new method. */
const oldShards = new Map<string, number>();

/** @param stub returns a new stub each time: a stub is permanently broken after a failed call. */
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
  // A clock that was set back must not prolong this period.
  if (agoMs >= 0 && agoMs < OLD_FOR_MS) return true;
  oldShards.delete(name);
  return false;
}

/** The runtime's own message: `The RPC receiver does not implement the method "append2".` In that case nothing has run. */
function lacksMethod(fault: unknown): boolean {
  return fault instanceof Error && /^The RPC receiver does not implement .*"append2"/.test(fault.message);
}
