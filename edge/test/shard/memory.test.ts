// Tests the memory that the shards of one isolate share. A busy shard leaves less for the others. LIMITS defines the budgets.

import { describe, expect, it } from "vitest";
import { GroupCommit, type Member } from "../../src/shard/group-commit.ts";
import { Budget } from "../../src/shard/memory.ts";
import { RecentIds } from "../../src/shard/recent-ids.ts";

const member = (bytes: number): Member => ({ ids: new Uint8Array(8), data: new Uint8Array(bytes), compressed: false });

describe("shards of one isolate", () => {
  it("share what may wait for commits, and give it back", async () => {
    const budget = new Budget(() => 1_500);
    const ends: (() => void)[] = [];
    const shard = () =>
      new GroupCommit<Member>(() => new Promise<void>((end) => void ends.push(end)), {
        gapMs: () => 0,
        pendingBytes: 1_000,
        budget,
      });
    const [one, two] = [shard(), shard()];
    const done = [one.add(member(900))];
    expect([one.hasRoomFor(101), two.hasRoomFor(600), two.hasRoomFor(601)]).toEqual([false, true, false]);
    done.push(two.add(member(600)));
    expect(two.hasRoomFor(1)).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (const end of ends) end();
    await Promise.all(done);
    expect([one.hasRoomFor(1_000), two.hasRoomFor(1_000), two.hasRoomFor(1_001)]).toEqual([true, true, false]);
  });

  it("keep fewer ids each when there are many of them, but always as many as may be in no run", () => {
    const budget = new Budget(() => 400_000);
    const bounds = { dedupeMemoryIds: 100_000, dedupeRunIds: 2_000 };
    const shards = Array.from({ length: 20 }, () => new RecentIds(0, bounds, budget));
    for (let round = 0; round < 20; round++) {
      for (const shard of shards) shard.add(crypto.getRandomValues(new Uint8Array(1_000 * 8)), round);
    }
    const bytes = shards.reduce((sum, shard) => sum + shard.bytes, 0);
    // Each shard could hold 100,000 ids and received 20,000. Each keeps two generations of 2,000 ids.
    expect(bytes).toBeLessThan(20 * 2 * 4_096 * 2 * 8);
    const last = crypto.getRandomValues(new Uint8Array(1_000 * 8));
    shards[0]?.add(last, 21);
    expect(shards[0]?.known(last)).toHaveLength(1_000);
  });

  it("reserve at most the bytes that are left", () => {
    const budget = new Budget(() => 100);
    const [one, two] = [budget.open({}), budget.open({})];
    one.take(70);
    two.take(50);
    expect(budget.leftBytes).toBe(0);
    one.giveAll();
    expect([one.bytes, two.bytes, budget.leftBytes]).toEqual([0, 50, 50]);
  });
});
