// No body, legal or refused, takes an isolate beyond the 128 MB that Cloudflare gives it. Cloudflare counts V8's heap and the
// arrays beside it. The test asks V8 for both repeatedly while bodies arrive. Workerd bounds neither, and V8 does not collect
// garbage until its heap has grown. The test therefore makes V8 collect early, as it must on Cloudflare: a heap of 40 MiB, young
// objects in 1 MiB.
//
// The process runs in a group that the kernel ends above twice that limit: the Worker and its objects, 128 MB each, share the
// process, and its allocator keeps unused pages. Where no group can be created, only V8 is asked.

import { setTimeout as sleep } from "node:timers/promises";
import { PLATFORM } from "@behaviour/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Connection } from "../load/connection.ts";
import { COSTLY_BODIES } from "./bodies.ts";
import { BudgetEdge } from "./edge.ts";
import { makeMemoryGroup } from "./memory-group.ts";
import { IS_FULL } from "./size.ts";

const LIMIT_MIB = PLATFORM.isolateMemoryBytes / (1_024 * 1_024);
const PROCESS_LIMIT_MIB = 2 * LIMIT_MIB;
const V8_FLAGS = ["--max-heap-size=40", "--max-semi-space-size=1"];
const CONNECTIONS = 4;
const SECONDS = IS_FULL ? 4 : 0.3;
const LOOK_EVERY_MS = 5;

const group = makeMemoryGroup(PROCESS_LIMIT_MIB);
let edge: BudgetEdge;
let idleMib = 0;
const rows: string[] = [];

beforeAll(async () => {
  edge = await BudgetEdge.start({ v8Flags: V8_FLAGS, processGroup: group?.procs ?? null, inspected: true });
  idleMib = await edge.isolateMib();
});
afterAll(async () => {
  const peak =
    group === null ? "no group of processes can be created here" : `${group.peakMib().toFixed(0)} MiB in all`;
  console.log(
    [
      `${peak}; idle the isolate holds ${idleMib.toFixed(0)} MiB`,
      "| Body | Isolate, at most MiB | Process, at most MiB of its own | Answers |",
      "|---|---:|---:|---|",
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
  let processPeakMib = 0;
  const endMs = Date.now() + SECONDS * 1_000;
  const watch = async () => {
    while (Date.now() < endMs && edge.isAlive()) {
      peakMib = Math.max(peakMib, await edge.isolateMib());
      processPeakMib = Math.max(processPeakMib, edge.anonymousMib());
      await sleep(LOOK_EVERY_MS);
    }
  };
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
  await Promise.all([watch(), ...Array.from({ length: CONNECTIONS }, lane)]);
  if (!edge.isAlive()) console.log(`${body.name}: killed; ${processPeakMib.toFixed(0)} MiB of its own`);
  const told = [...answers].map(([status, count]) => `${status}: ${count}`).join(", ");
  rows.push(`| ${body.name} | ${peakMib.toFixed(0)} | ${processPeakMib.toFixed(0)} | ${told} |`);
  expect(edge.isAlive(), "the process was killed").toBe(true);
  expect(peakMib).toBeLessThan(LIMIT_MIB);
  expect([...answers.keys()].filter((status) => status.startsWith("5") && status !== "503")).toEqual([]);
  expect([...answers.keys()].some((status) => status !== "503" && status !== "cut")).toBe(true);
});
