// No body, legal or refused, takes the process beyond its bound: it runs in a group of processes that has no more memory, where the
// kernel ends it. Where no group can be made, what the process holds of its own is watched instead.
//
// Cloudflare bounds what an isolate's heap and the arrays beside it hold together; plain workerd bounds neither, and V8 lets garbage
// lie until its heap has grown. So V8 is told to collect early, as it must there: a heap of 40 MiB, young objects in 1 MiB.

import { afterAll, beforeAll, expect, it } from "vitest";
import type { Connection } from "../load/connection.ts";
import { COSTLY_BODIES } from "./bodies.ts";
import { BudgetEdge } from "./edge.ts";
import { makeMemoryGroup } from "./memory-group.ts";
import { IS_FULL } from "./size.ts";

/**
 * Of the whole process: the runtime's own 25 MiB, its allocator's spare pages, the objects and their database's cache are among
 * it. An isolate's 128 MB know nothing of those; how far the process is from 128 is told in docs/BENCHMARKS.md.
 */
const LIMIT_MIB = 160;
const V8_FLAGS = ["--max-heap-size=40", "--max-semi-space-size=1"];
const CONNECTIONS = 4;
const SECONDS = IS_FULL ? 4 : 0.3;
const LOOK_EVERY_MS = 5;

const group = makeMemoryGroup(LIMIT_MIB);
let edge: BudgetEdge;
let idleMib = 0;
const rows: string[] = [];

beforeAll(async () => {
  edge = await BudgetEdge.start({ v8Flags: V8_FLAGS, processGroup: group?.procs ?? null });
  idleMib = edge.anonymousMib();
});
afterAll(async () => {
  const peak = group === null ? "no group of processes can be made here" : `${group.peakMib().toFixed(0)} MiB in all`;
  console.log(
    [
      `${peak}; idle ${idleMib.toFixed(0)} MiB of its own`,
      "| Body | Of its own, at most MiB | Answers |",
      "|---|---:|---|",
      ...rows,
    ].join("\n"),
  );
  edge.stop();
  await group?.remove();
});

it.each(COSTLY_BODIES)("of $name", async (body) => {
  const request = edge.request("/v1/batch", Buffer.from(body.text()), false);
  const answers = new Map<string, number>();
  let peakMib = 0;
  const watch = setInterval(() => {
    peakMib = Math.max(peakMib, edge.anonymousMib());
  }, LOOK_EVERY_MS);
  const endMs = Date.now() + SECONDS * 1_000;
  const lane = async () => {
    let connection: Connection | null = null;
    while (Date.now() < endMs && edge.isAlive()) {
      connection = await edge.reconnect(connection);
      const answer = await connection.send(request).catch(() => null);
      const status = answer === null ? "cut" : String(answer.status);
      answers.set(status, (answers.get(status) ?? 0) + 1);
    }
    connection?.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
  clearInterval(watch);
  if (!edge.isAlive()) console.log(`${body.name}: ended; ${peakMib.toFixed(0)} MiB of its own`);
  const told = [...answers].map(([status, count]) => `${status}: ${count}`).join(", ");
  rows.push(`| ${body.name} | ${peakMib.toFixed(0)} | ${told} |`);
  expect(edge.isAlive(), "the process was ended").toBe(true);
  expect(peakMib).toBeLessThan(LIMIT_MIB);
  expect([...answers.keys()].filter((status) => status.startsWith("5") && status !== "503")).toEqual([]);
  expect([...answers.keys()].some((status) => status !== "503" && status !== "cut")).toBe(true);
});
