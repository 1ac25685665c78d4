// Four connections send the worst bodies one after the other. Another client's good events are answered in time meanwhile.

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Connection } from "../load/connection.ts";
import { COSTLY_BODIES, type CostlyBody } from "./bodies.ts";
import { BudgetEdge } from "./edge.ts";
import { IS_FULL, ROOM } from "./size.ts";

const ANSWERED_WITHIN_MS = 250;
const HOSTILE = 4;
const SECONDS = IS_FULL ? 4 : 1.5;
const PAUSE_MS = 20;
/** Requests built before the measurement starts. Building a request costs the test more CPU than it costs the edge. */
const MADE_BEFORE = 6;
/** The most expensive bodies, for the short form. */
const DEAREST =
  /^(?:1,700 unsafe|e-mail addresses$|2,500 events of 110|groups|2,500 preferences|brackets that close|events of the largest size, random)/;

let edge: BudgetEdge;
const rows: string[] = [];

beforeAll(async () => {
  edge = await BudgetEdge.start();
});
afterAll(() => {
  edge.stop();
  console.log(
    ["| Bodies beside | Good events | p50 ms | p99 ms | Largest ms |", "|---|---:|---:|---:|---:|", ...rows].join("\n"),
  );
});

async function flood(requests: readonly Uint8Array[], endMs: number): Promise<void> {
  let connection: Connection | null = null;
  for (let sent = 0; Date.now() < endMs; sent++) {
    connection = await edge.reconnect(connection);
    // An answer that arrives before the body was sent ends the connection.
    await connection.send(requests[sent % requests.length] as Uint8Array).catch(() => null);
  }
  connection?.close();
}

async function goodEvents(endMs: number): Promise<number[]> {
  const tookMs: number[] = [];
  let connection: Connection | null = null;
  while (Date.now() < endMs) {
    connection = await edge.reconnect(connection);
    const event = { type: "track", event: "Good", anonymousId: randomUUID(), messageId: randomUUID() };
    const request = edge.request("/v1/track", Buffer.from(JSON.stringify(event)), false);
    const sentMs = performance.now();
    const { status } = await connection.send(request);
    tookMs.push(performance.now() - sentMs);
    expect(status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  connection?.close();
  return tookMs.toSorted((a, b) => a - b);
}

const at = (sorted: readonly number[], share: number) => sorted[Math.floor(share * (sorted.length - 1))] as number;

function requestsOf(body: CostlyBody): Uint8Array[] {
  return Array.from({ length: MADE_BEFORE }, () => edge.request("/v1/batch", Buffer.from(body.text()), false));
}

it.each(COSTLY_BODIES.filter(({ name }) => IS_FULL || DEAREST.test(name)))("good events beside $name", async (body) => {
  const requests = requestsOf(body);
  const endMs = Date.now() + SECONDS * 1_000;
  const floods = Array.from({ length: HOSTILE }, () => flood(requests, endMs));
  const tookMs = await goodEvents(endMs);
  await Promise.all(floods);
  const [p50, p99, most] = [0.5, 0.99, 1].map((share) => at(tookMs, share).toFixed(0));
  rows.push(`| ${body.name} | ${tookMs.length} | ${p50} | ${p99} | ${most} |`);
  expect(at(tookMs, 0.99)).toBeLessThanOrEqual(ROOM * ANSWERED_WITHIN_MS);
});
