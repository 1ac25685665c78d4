// The CPU cost of the worst requests: each body on `/v1/batch`, and some bodies on every route that takes a body, by the route
// tables.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { POSTED } from "../../edge/src/collect/routes.ts";
import { FORWARDED_ROUTES, OWN_ROUTES } from "../../edge/src/gateway/routes.ts";
import { COSTLY_BODIES, type CostlyBody } from "./bodies.ts";
import { type Cost, costOf, table } from "./cpu.ts";
import { BudgetEdge } from "./edge.ts";
import { IS_FULL, ROOM } from "./size.ts";

const REQUEST_MS = 50;
const EVENT_MS = 0.2;
/** Most bodies of 4 MiB take 50 ms. A body takes this time if every value in it is repaired or masked. */
const MIB_MS = 50;
const MIB = 1_024 * 1_024;
/** The short form stops at the first run that is within the bound. A run costs more than the bound only on a busy machine. */
const RUNS = 6;

let edge: BudgetEdge;
const costs: Cost[] = [];

beforeAll(async () => {
  edge = await BudgetEdge.start();
});
afterAll(() => {
  edge.stop();
  console.log(table(costs));
});

function promisedMs({ events, textBytes }: Cost): number {
  return Math.max(REQUEST_MS, EVENT_MS * events, (MIB_MS * textBytes) / MIB);
}

async function expectWithin(route: string, body: CostlyBody, isGzip = false): Promise<Cost> {
  const isWithin = (cost: Cost) => cost.cpuMs <= ROOM * promisedMs(cost);
  const cost = await costOf(edge, route, body, { isGzip, runs: RUNS, isEnough: IS_FULL ? () => false : isWithin });
  costs.push(cost);
  expect(cost.cpuMs, `${route}: ${body.name}`).toBeLessThanOrEqual(ROOM * promisedMs(cost));
  return cost;
}

describe("a body", () => {
  it.each(COSTLY_BODIES)("of $name costs no more than its bound", async (body) => {
    const { status, accepted } = await expectWithin("/v1/batch", body);
    expect(status).toBe(body.isLegal ? 200 : status);
    expect(status).toBeLessThan(500);
    expect(accepted).toBe(body.events);
  });

  const packed = COSTLY_BODIES.filter(({ isGzip }) => isGzip === true);

  it.each(packed)("of $name, compressed", async (body) => {
    expect((await expectWithin("/v1/batch", body, true)).status).toBeLessThan(500);
  });
});

const withBody = (method: string) => method === "POST" || method === "PUT" || method === "PATCH";
const ROUTES = [
  ...[...POSTED.keys()].map((path) => `/v1/${path}`),
  ...Object.entries(OWN_ROUTES)
    .filter(([, methods]) => methods.some(withBody))
    .map(([path]) => path),
  ...Object.entries(FORWARDED_ROUTES)
    .filter(([, { methods }]) => methods.some(withBody))
    .map(([path]) => path.replaceAll(/\{\w+\}/g, "x")),
];
const REFUSED = COSTLY_BODIES.filter(({ isForAllRoutes }) => isForAllRoutes === true);

describe("a route", () => {
  it.each(ROUTES)("%s refuses bombs for no more than their bound", async (route) => {
    expect(REFUSED.length).toBeGreaterThan(1);
    for (const body of REFUSED) {
      // There is no backend here. A forwarded request is answered 502 or 503.
      expect([500, 504]).not.toContain((await expectWithin(route, body)).status);
    }
  });
});
