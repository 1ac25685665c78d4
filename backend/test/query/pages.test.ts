// A page of a compressed day unpacks the batches that it needs, wherever in the day the cursor is.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Sql } from "../../src/database/client.ts";
import { listEvents } from "../../src/query/events.ts";
import { readExportPage } from "../../src/query/export.ts";
import { openWarehouse, PROJECT, type Warehouse } from "./warehouse.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 4, 1);
const EVENTS = 24_000;
/** A batch of the columnstore has 1,000 rows. A page may touch some, and the day has 24. */
const UNPACKED_ROWS_MAX = 4_000;

let warehouse: Warehouse;
beforeAll(async () => {
  warehouse = await openWarehouse();
  const events = Array.from({ length: EVENTS }, (_, index) => ({
    // Random ids, so that the order of ids is not the order of times.
    messageId: crypto.randomUUID(),
    time: START_MS + Math.floor((index * DAY_MS) / EVENTS),
    event: "Viewed",
  }));
  await warehouse.store(events);
  const chunks = await warehouse.sql<{ chunk: string }[]>`select show_chunks('event')::text as chunk`;
  for (const { chunk } of chunks) await warehouse.sql`select compress_chunk(${chunk}::text::regclass)`;
  await warehouse.sql`analyze event`;
}, 120_000);
afterAll(() => warehouse.stop());

interface PlanNode {
  "Node Type": string;
  "Custom Plan Provider"?: string;
  "Actual Rows": number;
  Plans?: PlanNode[];
}

/** Runs every `select` of the function under `explain analyze`. @returns the rows that left the columnstore */
function explaining(sql: Sql): { sql: Sql; unpackedRows: () => number } {
  let unpacked = 0;
  const tag = (strings: TemplateStringsArray, ...values: unknown[]) => {
    // A fragment, or a list of names.
    if (!/^\s*select/.test(String(strings[0])))
      return (sql as unknown as (...all: unknown[]) => unknown)(strings, ...values);
    const [first, ...rest] = strings;
    const text = [`explain (analyze, timing off, format json) ${first}`, ...rest];
    const query = Object.assign(text, { raw: text }) as unknown as TemplateStringsArray;
    return sql<{ "QUERY PLAN": { Plan: PlanNode }[] }[]>(query, ...(values as never[])).then((rows) => {
      for (const row of rows) for (const { Plan } of row["QUERY PLAN"]) unpacked += unpackedBy(Plan);
      return [];
    });
  };
  return { sql: Object.assign(tag, sql), unpackedRows: () => unpacked };
}

function unpackedBy(node: PlanNode): number {
  const own = /columnarscan|decompresschunk/i.test(node["Custom Plan Provider"] ?? "") ? node["Actual Rows"] : 0;
  return own + (node.Plans ?? []).reduce((sum, child) => sum + unpackedBy(child), 0);
}

describe("a page of a compressed day", () => {
  const range = { fromMs: START_MS, toMs: START_MS + DAY_MS };

  it.each([0.1, 0.5, 0.9])("of the listing, at %f of the day", async (part) => {
    const explained = explaining(warehouse.sql);
    const after = { timeMs: START_MS + part * DAY_MS, messageId: "5", ...range };
    const filter = { range, limit: 100, after, event: undefined, subjects: undefined, anonymousSubjects: undefined };
    await listEvents(explained.sql, PROJECT, filter);
    expect(explained.unpackedRows()).toBeGreaterThan(0);
    expect(explained.unpackedRows()).toBeLessThan(UNPACKED_ROWS_MAX);
  });

  it.each([0.1, 0.5, 0.9])("of an export, at %f of the day", async (part) => {
    const explained = explaining(warehouse.sql);
    await readExportPage(explained.sql, PROJECT, range, { time: new Date(START_MS + part * DAY_MS), message_id: "5" });
    expect(explained.unpackedRows()).toBeGreaterThan(0);
    expect(explained.unpackedRows()).toBeLessThan(UNPACKED_ROWS_MAX);
  });
});

describe("the order of the columnstore", () => {
  it("may change while days are compressed in the order of before, as the migration does", async () => {
    const { sql } = warehouse;
    await sql`alter table event set (timescaledb.orderby = 'time DESC, message_id')`;
    await sql`alter table event set (timescaledb.orderby = 'time DESC, message_id DESC')`;
    const [count] = await sql`select count(*)::int as n from event where project = ${PROJECT}`;
    expect(count?.["n"]).toBe(EVENTS);
  });
});
