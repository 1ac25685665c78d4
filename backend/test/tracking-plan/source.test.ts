// Tests how the processor caches plans: when it waits for the store, when it does not, and what happens while the store does
// not answer.

import { describe, expect, it } from "vitest";
import { type PublishedPlan, UnreadablePlan } from "../../src/tracking-plan/published.ts";
import { PlanSource } from "../../src/tracking-plan/source.ts";
import { PLAN } from "./sample.ts";

const NONE: ReadonlySet<string> = new Set();
const P = new Set(["p"]);

function setUp() {
  const state = {
    nowMs: 0,
    reads: 0,
    version: 1,
    down: false,
    unreadable: false,
    published: { ...PLAN } as PublishedPlan["plan"] | null,
  };
  const source = new PlanSource({
    nowMs: () => state.nowMs,
    cacheMs: 10_000,
    published: {
      read: async () => {
        state.reads++;
        await Promise.resolve();
        if (state.down) throw new Error("DynamoDB does not answer");
        if (state.unreadable) throw new UnreadablePlan("the published plan cannot be read");
        return state.published === null ? null : { version: state.version, plan: state.published };
      },
    },
  });
  const version = async (fresh = NONE) => (await source.judges(P, fresh)).get("p")?.version;
  return { state, source, version };
}

describe("a plan", () => {
  it("is read once for many batches, and again in the background", async () => {
    const { state, version } = setUp();
    expect(await version()).toBe(1);
    state.version = 2;
    state.nowMs = 9_999;
    expect([await version(), state.reads]).toEqual([1, 1]);
    state.nowMs = 12_000;
    // The batch does not wait: it uses the cached plan.
    expect(await version()).toBe(1);
    await new Promise(setImmediate);
    expect([await version(), state.reads]).toEqual([2, 2]);
  });

  it("is read before the answer after a pause without batches, and for a replay", async () => {
    const { state, version } = setUp();
    await version();
    state.version = 2;
    expect(await version(P)).toBe(2);
    state.version = 3;
    state.nowMs = 60_000;
    expect(await version()).toBe(3);
  });

  it("is read once for all concurrent readers", async () => {
    const { state, version } = setUp();
    await version();
    state.nowMs = 60_000;
    state.version = 2;
    expect(await Promise.all([version(), version(P), version()])).toEqual([2, 2, 2]);
    expect(state.reads).toBe(2);
  });

  it("keeps its compiled judge while its version is unchanged", async () => {
    const { state, source, version } = setUp();
    const before = (await source.judges(P, NONE)).get("p");
    state.nowMs = 60_000;
    await version();
    expect((await source.judges(P, NONE)).get("p")).toBe(before);
  });

  it("that does not exist is cached too", async () => {
    const { state, version } = setUp();
    state.published = null;
    expect([await version(), await version(), state.reads]).toEqual([undefined, undefined, 1]);
  });
});

describe("a store that does not answer", () => {
  it("delays batches of a project without a cached plan, and neither passes nor refuses them", async () => {
    const { state, version } = setUp();
    state.down = true;
    await expect(version()).rejects.toThrow("does not answer");
    state.down = false;
    expect(await version()).toBe(1);
  });

  it("has no effect if a plan is cached, is counted, and is not called for every batch", async () => {
    const { state, source, version } = setUp();
    await version();
    state.down = true;
    state.nowMs = 60_000;
    expect([await version(), await version(), await version()]).toEqual([1, 1, 1]);
    expect(state.reads).toBe(2);
    expect([source.takeFaults(), source.takeFaults()]).toEqual([1, 0]);
    state.down = false;
    state.version = 2;
    state.nowMs = 120_000;
    expect(await version()).toBe(2);
  });
});

describe("a plan that this release cannot read", () => {
  it("does not hold the project's events, and is counted", async () => {
    const { state, source, version } = setUp();
    state.unreadable = true;
    expect(await version()).toBeUndefined();
    expect(source.takeFaults()).toBe(1);
    // It is not read again for each batch.
    expect([await version(), state.reads]).toEqual([undefined, 1]);
    state.unreadable = false;
    expect(await version(P)).toBe(1);
  });

  it("leaves a known plan in use", async () => {
    const { state, source, version } = setUp();
    expect(await version()).toBe(1);
    state.unreadable = true;
    state.version = 2;
    expect([await version(P), source.takeFaults()]).toEqual([1, 1]);
  });
});
