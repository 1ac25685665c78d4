// Segment's official libraries and the libraries derived from them, unmodified, against the real pipeline. Each sends one event
// of every type it has. The first answer is lost although the events were stored, and the second answer is a 429. All events must
// arrive once in every tier, with their content.

import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Pipeline } from "../harness/pipeline.ts";
import { settledFaults } from "../harness/stores.ts";
import { RUDDERSTACK_IN_BROWSER, segmentInBrowser, siteOrigin } from "./browser.ts";
import { type Fault, Gate } from "./gate.ts";
import { JAVA } from "./java.ts";
import { type Library, nodeLibrary } from "./library.ts";
import { PYTHON, PYTHON_GZIP } from "./python.ts";

const FAULTS: readonly Fault[] = [
  { code: "unavailable", stored: true },
  { code: "rate_limited", stored: false },
];
const TYPES = ["track", "page", "screen", "identify", "group", "alias"];
/** The Java library waits 15 s before its first retry and 30 s before its second. Each wait varies by up to its own length. */
const DELIVERED_WITHIN_MS = 150_000;

interface Case {
  library: Library;
  inPage: boolean;
  /** All types when absent. Given when the library lacks some types. */
  types?: readonly string[];
}

const CASES: readonly Case[] = [
  { library: nodeLibrary("@segment/analytics-node", "segment-node.ts"), inPage: false },
  { library: segmentInBrowser("standard"), inPage: true },
  { library: segmentInBrowser("batching"), inPage: true },
  { library: RUDDERSTACK_IN_BROWSER, inPage: true, types: TYPES.filter((type) => type !== "screen") },
  { library: PYTHON, inPage: false },
  { library: PYTHON_GZIP, inPage: false },
  { library: JAVA, inPage: false },
  { library: nodeLibrary("@customerio/cdp-analytics-node", "customerio-node.ts"), inPage: false },
];

let pipeline: Pipeline;

beforeAll(async () => {
  // Downloads run while the pipeline starts.
  const preparing = Promise.all(CASES.map(({ library }) => library.prepare()));
  [pipeline] = await Promise.all([Pipeline.start(), preparing]);
});

afterAll(async () => {
  for (const { library } of CASES) await library.release?.();
  await pipeline?.remove();
});

async function admin(path: string, body: unknown): Promise<Record<string, string>> {
  const answer = await pipeline.read(path, { method: "POST", body: JSON.stringify(body) });
  expect(answer).toMatchObject({ status: 201 });
  return (answer.body as { data: Record<string, string> }).data;
}

/** Each library has its own project with a key that is valid for the library's page only. */
async function makeProject({ library, inPage }: Case): Promise<{ project: string; writeKey: string }> {
  const { id = "" } = await admin("/v1/admin/projects", {
    name: library.name,
    settings: { consentRegime: "opt-out" },
  });
  const origins = inPage ? [await siteOrigin()] : [];
  const { key = "" } = await admin("/v1/admin/keys", { projectId: id, kind: "public", environment: "test", origins });
  return { project: id, writeKey: key };
}

describe.concurrent("a library", () => {
  it.for(CASES)("$library.name delivers everything once", { timeout: 420_000 }, async (tested, context) => {
    const { library, inPage, types = TYPES } = tested;
    const problem = await library.prepare();
    if (problem !== null && process.env.CI === "true") throw new Error(problem);
    if (problem !== null) return context.skip(problem);

    const { project, writeKey } = await makeProject(tested);
    const gate = await Gate.open(pipeline.origin, FAULTS);
    try {
      await library.send({ host: gate.url, writeKey });
      await context.expect
        .poll(() => [...gate.acknowledgedTypes].sort(), { timeout: DELIVERED_WITHIN_MS, interval: 200 })
        .toEqual([...types].sort());
      context.expect(gate.requests.slice(0, 2).map(({ status }) => status)).toEqual([503, 429]);
      context.expect(gate.requests.slice(2).every(({ status }) => status === 200)).toBe(true);
      context.expect(gate.acknowledged).toEqual(gate.sent);
      if (inPage) context.expect(gate.preflights.length).toBeGreaterThan(0);
      const faults = await settledFaults(() => pipeline.endpoints, project, gate.acknowledged, gate.sent, 60_000);
      context.expect(faults).toEqual([]);
      context.expect(await stored(project, types)).toEqual(types.map((type) => EXPECTED[type]));
    } finally {
      await gate.close();
    }
  });
});

/** One row per type, as the view promises it. Fields that the library fills in by itself are not compared. */
async function stored(project: string, types: readonly string[]): Promise<unknown[]> {
  const sql = postgres(pipeline.endpoints.database, { max: 1, onnotice: () => {} });
  try {
    const rows = await sql<Record<string, any>[]>`
      select type, event, properties, traits, subject, group_subject from events where project = ${project}`;
    return types.map((type) => {
      const row = rows.find((candidate) => candidate.type === type);
      return row === undefined ? null : summary(row);
    });
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function summary(row: Record<string, any>) {
  const { total, products, items } = row.properties ?? {};
  const { plan, seats } = row.type === "identify" ? (row.traits ?? {}) : {};
  return {
    type: row.type,
    event: row.event,
    hasGroup: row.group_subject !== null,
    total,
    products,
    items,
    plan,
    seats,
  };
}

const NOTHING = {
  event: null,
  hasGroup: false,
  total: undefined,
  products: undefined,
  items: undefined,
  plan: undefined,
  seats: undefined,
};
const EXPECTED: Record<string, unknown> = {
  track: { ...NOTHING, type: "track", event: "Order Completed", total: 59.5, products: [{ sku: "mug-1" }] },
  page: { ...NOTHING, type: "page", event: "Shop" },
  screen: { ...NOTHING, type: "screen", event: "Basket", items: 2 },
  identify: { ...NOTHING, type: "identify", plan: "pro", seats: 5 },
  group: { ...NOTHING, type: "group", hasGroup: true },
  alias: { ...NOTHING, type: "alias" },
};
