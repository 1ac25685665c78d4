// Tests the rule for changes of the archive's schema: columns are added at the end, nullable, and never renamed, retyped or
// removed. So files of all ages are one table for readers that use column names, and for our own compaction.

import { PutObjectCommand } from "@aws-sdk/client-s3";
import { BUCKETS, STORE_COLUMNS } from "@behaviour/contract";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PARQUET_SCHEMA } from "../../src/tiers/cold/columns.ts";
import { Compactor } from "../../src/tiers/cold/compact.ts";
import { ColdTier } from "../../src/tiers/cold/tier.ts";
import { enrichedEvent, freshName, runOf } from "./events.ts";
import { openStores, parquetKeys, queryParquet, type TierStores } from "./stores.ts";

const TIME_MS = Date.UTC(2026, 10, 20, 12);
/** The columns that a file of last year does not have. */
const ADDED_SINCE = ["group_subject", "city", "browser_version", "utm_content"];

let stores: TierStores;
beforeAll(async () => {
  stores = await openStores();
}, 120_000);
afterAll(async () => {
  await stores?.stop();
});

/** Writes a file with another version of the schema. */
async function putFile(
  project: string,
  messageId: string,
  without: readonly string[],
  beyond: string[],
): Promise<void> {
  const event = enrichedEvent({ project, rawShard: "s", messageId, timeMs: TIME_MS });
  const columns = STORE_COLUMNS.filter(({ column }) => !without.includes(column));
  const elements = PARQUET_SCHEMA.slice(1).filter(({ name }) => !without.includes(name));
  const value = (field: keyof typeof event, kind: string) =>
    kind === "timestamp" && event[field] !== null ? new Date(event[field] as number) : event[field];
  const body = parquetWriteBuffer({
    schema: [
      { name: "root", num_children: columns.length + beyond.length },
      ...elements,
      ...beyond.map((name) => ({ name, type: "DOUBLE", repetition_type: "OPTIONAL" }) as const),
    ],
    columnData: [
      ...columns.map(({ column, field, kind }) => ({ name: column, data: [value(field, kind)] })),
      ...beyond.map((name) => ({ name, data: [1.5] })),
    ],
  });
  const key = `project=${project}/day=2026-11-20/${messageId}.parquet`;
  await stores.s3.send(new PutObjectCommand({ Bucket: BUCKETS.events, Key: key, Body: new Uint8Array(body) }));
}

async function ageMixed(): Promise<string> {
  const project = freshName("p");
  for (const place of [1, 2, 3]) await putFile(project, `old-${place}`, ADDED_SINCE, []);
  const run = runOf({ project, rawShard: freshName("shardId"), count: 6, fields: { timeMs: TIME_MS } });
  for (const event of run) await new ColdTier(stores).load([event]);
  await putFile(project, "newer", [], ["revenue"]);
  return project;
}

describe("files of all versions", () => {
  it("are read as one table by column names", async () => {
    const project = await ageMixed();
    const rows = await queryParquet(
      stores.s3,
      project,
      `select count(*)::int as files_rows, count(city)::int as with_city, count(revenue)::int as with_revenue,
              count(properties->>'$.total')::int as with_total, min(time)::text as first from events`,
      { unionByName: true },
    );
    expect(rows[0]).toMatchObject({ files_rows: 10, with_city: 7, with_revenue: 1, with_total: 10 });
  });

  it("are compacted with the columns that each has, except files of a later version", async () => {
    const project = await ageMixed();
    const limits = { objectsMin: 4, objectsMax: 500, settledMs: 0, rowsMax: 1_000 };
    const compactor = new Compactor({ ...stores, limits, nowMs: () => Date.now() + 60_000 });
    await compactor.run(() => true);
    const keys = await parquetKeys(stores.s3, project);
    const names = keys.map((key) => key.split("/").at(-1)?.replace(/-.*/, "") ?? "");
    expect(new Set(names)).toEqual(new Set(["compact", "newer.parquet"]));
    expect(names).toHaveLength(2);
    const rows = await queryParquet(
      stores.s3,
      project,
      "select message_id, city, revenue from events order by message_id",
      { unionByName: true },
    );
    expect(rows).toHaveLength(10);
    const without = rows.filter((row) => row["city"] === null).map((row) => row["message_id"]);
    expect(without).toEqual(["old-1", "old-2", "old-3"]);
    expect(rows.find((row) => row["message_id"] === "newer")).toMatchObject({ city: "Köln", revenue: 1.5 });
  });
});
