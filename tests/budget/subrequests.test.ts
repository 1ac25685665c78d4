// The calls that one request makes to objects and KV, for the bodies that are spread over the most objects. Cloudflare allows a
// request 1,000 of both.

import { afterAll, beforeAll, expect, it } from "vitest";
import type { Operations } from "../load/cost.ts";
import { COSTLY_BODIES } from "./bodies.ts";
import { BudgetEdge } from "./edge.ts";

const CALLS_MAX = 1_000;
/** The maximum number of shards of a project. */
const SHARDS = 256;

let edge: BudgetEdge;
beforeAll(async () => {
  edge = await BudgetEdge.start({ shards: SHARDS, counted: true });
});
afterAll(() => edge.stop());

/** The calls that the Worker makes for a request with events. Objects call each other too, within bounds of their own. */
const BY_WORKER: ReadonlySet<string> = new Set([
  "BufferShard.append2",
  "BufferShard.append",
  "BufferShard.report",
  "BufferShard.isWatched",
  "ConsentLedger.record",
  "LiveTail.publish",
]);

async function callsSoFar(): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${edge.port}/operations`);
  const { objectRequests, kvReads } = (await answer.json()) as Operations;
  const calls = Object.entries(objectRequests).filter(([method]) => BY_WORKER.has(method));
  return calls.reduce((sum, [, count]) => sum + count, kvReads);
}

/** Each body is sent twice. The first request meets new shards, the second meets shards whose ledger is in use. */
const NAMES = ["2,500 ordinary events", "2,500 preferences", "2,500 ordinary events", "groups", "2,500 preferences"];

it.each(NAMES.map((name, place) => ({ name, place })))("$place: $name", async ({ name }) => {
  const body = COSTLY_BODIES.find((one) => one.name === name);
  const before = await callsSoFar();
  const connection = await edge.connect();
  const { status } = await connection.send(edge.request("/v1/batch", Buffer.from(body?.text() ?? ""), false));
  connection.close();
  expect(status).toBe(200);
  const calls = (await callsSoFar()) - before;
  console.log(`${name}: ${calls} calls`);
  expect(calls).toBeGreaterThan(0);
  expect(calls).toBeLessThanOrEqual(CALLS_MAX);
});
