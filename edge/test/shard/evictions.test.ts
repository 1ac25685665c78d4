// Tests objects that are evicted, at rest and at any moment of a request. The minute's counts of a quiet shard reach the stream
// even if the object that counted was evicted. Acknowledged events are on the stream. A client only receives 200, 429 or 503.

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { decodeFrame } from "@behaviour/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { BufferShard } from "../../src/shard/shard.ts";
import { bearer, goodEvent, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { bytesOf, streamState } from "../servers/kinesis/stream.ts";
import { append, appendInput, loseMemory, runAlarm, shardOf, untilFlushed } from "./stub.ts";

const MINUTE_MS = 60_000;

afterEach(() => vi.useRealTimers());

interface Counted {
  serials: string[];
  accepted: number;
  rejected: number;
  suppressed: number;
  duplicates: number;
}

/** The sums of all lines that arrived. A line that arrived twice counts once, as in the consumers of the stream. */
async function counted(project: string): Promise<Counted> {
  const sums: Counted = { serials: [], accepted: 0, rejected: 0, suppressed: 0, duplicates: 0 };
  for (const record of (await streamState(project)).arrived) {
    for (const { value } of decodeFrame(bytesOf(record))) {
      const line = (
        value as {
          counters?: Record<"accepted" | "rejected" | "suppressed" | "duplicates" | "serial", number> & {
            boot: string;
          };
        }
      ).counters;
      const name = `${line?.boot}/${line?.serial}`;
      if (line === undefined || sums.serials.includes(name)) continue;
      sums.serials.push(name);
      for (const outcome of ["accepted", "rejected", "suppressed", "duplicates"] as const)
        sums[outcome] += line[outcome];
    }
  }
  return sums;
}

describe("a quiet shard", () => {
  it("delivers the counts of its minute after its memory was lost within the minute, in 24 of 24 cases", async () => {
    const projects = Array.from({ length: 24 }, () => newProject("quiet"));
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    for (const project of projects) await append(project, appendInput(["a"]));
    for (const project of projects) await untilFlushed(project);
    await loseMemory();
    vi.setSystemTime(Date.now() + 70_000);
    for (const project of projects) {
      // The alarm was set by the shard itself.
      expect(await runAlarm(project)).toBe(true);
      await untilFlushed(project);
    }
    for (const project of projects) expect(await counted(project)).toMatchObject({ accepted: 1 });
  });

  it("keeps reported counts of rejected and suppressed events", async () => {
    const project = newProject("told");
    const report = {
      receivedAtMs: Date.now(),
      rejected: 4,
      repeated: 2,
      drops: [{ reason: "opt-in/analytics:default", events: 3 }],
    };
    await shardOf(project).report(report);
    // The counts are stored within seconds, without a row of events.
    await vi.waitFor(
      async () => {
        const stored = await runInDurableObject(shardOf(project), (_shard, { storage }) =>
          storage.sql.exec<{ state: string }>("SELECT state FROM shard_state").toArray(),
        );
        expect(stored).toHaveLength(1);
      },
      { timeout: 10_000, interval: 100 },
    );
    await loseMemory();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * MINUTE_MS });
    expect(await runAlarm(project)).toBe(true);
    await untilFlushed(project);
    expect(await counted(project)).toMatchObject({ accepted: 0, rejected: 4, duplicates: 2, suppressed: 3 });
  });

  it("counts no event twice, at whatever point it is evicted", async () => {
    for (const endings of [[0], [1], [2], [3], [0, 1, 2, 3]]) {
      const project = newProject("endings");
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
      const end = async (at: number) => {
        // The object may not be running. Then its memory is already gone.
        if (endings.includes(at)) await evictDurableObject(shardOf(project)).catch(() => {});
      };
      await append(project, appendInput(["a", "b"]));
      await end(0);
      await append(project, appendInput(["c"]));
      await untilFlushed(project);
      await end(1);
      vi.setSystemTime(Date.now() + 2 * MINUTE_MS);
      const alarm = runInDurableObject(shardOf(project), (shard: BufferShard) => shard.alarm());
      await end(2);
      await alarm.catch(() => {});
      await end(3);
      await runAlarm(project);
      await untilFlushed(project);
      await runAlarm(project);
      await untilFlushed(project);
      expect(await counted(project), `ended at ${endings.join()}`).toMatchObject({ accepted: 3 });
      vi.useRealTimers();
    }
  });
});

describe("an object that is evicted during requests", () => {
  it("loses no acknowledged event, and clients receive only 200, 429 or 503", async () => {
    const project = newProject("ended");
    const key = await newKey({ project });
    const acked: string[] = [];
    const refusals = new Set<number>();
    let isOver = false;
    const client = async () => {
      while (!isOver) {
        const event = goodEvent();
        for (let status = 0; status !== 200; ) {
          ({ status } = await send("/v1/track", { headers: bearer(key), body: event }));
          if (status !== 200) refusals.add(status);
          if (isOver && status !== 200) return;
        }
        acked.push(event.messageId);
      }
    };
    const clients = Array.from({ length: 8 }, client);
    for (let end = 0; end < 12; end++) {
      await new Promise((resolve) => setTimeout(resolve, 15 + Math.random() * 60));
      await loseMemory();
    }
    isOver = true;
    await Promise.all(clients);
    expect(acked.length).toBeGreaterThan(50);
    expect([...refusals].filter((status) => status !== 503 && status !== 429)).toEqual([]);
    await untilFlushed(project);
    // A record whose first copy may have arrived is sent again with a mark. The consumers of the stream count it once.
    const { arrived } = await streamState(project);
    const unmarked: string[] = [];
    const all = new Set<string>();
    for (const record of arrived) {
      const lines = [...decodeFrame(bytesOf(record))].map(({ value }) => value);
      const isMarked = lines.some((line) => (line as { redelivery?: boolean }).redelivery === true);
      for (const id of lines.map(idOf).filter((id) => id !== "")) {
        all.add(id);
        if (!isMarked) unmarked.push(id);
      }
    }
    expect(acked.filter((id) => !all.has(id))).toEqual([]);
    expect(new Set(unmarked).size).toBe(unmarked.length);
  });
});

function idOf(value: unknown): string {
  const { body } = value as { body?: { messageId?: string } };
  return body?.messageId ?? "";
}
