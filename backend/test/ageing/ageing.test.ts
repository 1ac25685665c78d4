// Tests each project's own retention in each tier on real parts: older events are deleted; recent or just imported events stay.

import { PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { TABLES } from "@behaviour/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RETENTION_DEFAULT, retentionOf } from "../../src/ageing/retention.ts";
import { type Aged, ageTiers } from "../../src/ageing/run.ts";
import { ProjectInput } from "../../src/projects/input.ts";
import { deleteOldObjects } from "../../src/tiers/cold/age.ts";
import { ColdTier } from "../../src/tiers/cold/tier.ts";
import { minuteKey, minuteOf } from "../../src/tiers/hot/minute.ts";
import { WarmTier } from "../../src/tiers/warm/tier.ts";
import { freshName, runOf } from "../tiers/events.ts";
import { openStores, parquetKeys, type TierStores } from "../tiers/stores.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let stores: TierStores;
beforeAll(async () => {
  stores = await openStores();
}, 120_000);
afterAll(async () => {
  await stores?.stop();
});

async function projectWith(settings: Record<string, unknown>): Promise<string> {
  const id = freshName("p");
  await stores.sql`insert into project (id, name, settings) values (${id}, ${id}, ${stores.sql.json(settings as never)})`;
  return id;
}

const age = (nowMs = Date.now()): Promise<Aged> => ageTiers(stores, nowMs, () => true);

/** Loads ten events for each of the given days ago. */
async function loadDays(project: string, daysAgo: readonly number[], receivedDaysAgo?: number): Promise<void> {
  const warm = new WarmTier({ sql: stores.sql, storeFailed: async () => undefined });
  for (const days of daysAgo) {
    const timeMs = Date.now() - days * DAY_MS;
    const receivedAtMs = Date.now() - (receivedDaysAgo ?? days) * DAY_MS;
    await warm.load(runOf({ project, rawShard: freshName("shardId"), count: 10, fields: { timeMs, receivedAtMs } }));
  }
}

async function daysHeld(project: string): Promise<number[]> {
  const rows = await stores.sql<{ days: number; count: number }[]>`
    select round(extract(epoch from now() - time) / 86400)::int as days, count(*)::int as count
    from events where project = ${project} group by 1 order by 1`;
  expect(rows.every(({ count }) => count === 10)).toBe(true);
  return rows.map(({ days }) => days);
}

async function compress(): Promise<void> {
  const jobs = await stores.sql<{ job_id: number }[]>`
    select job_id from timescaledb_information.jobs where proc_name = 'policy_compression'`;
  for (const { job_id } of jobs) await stores.sql`call run_job(${job_id})`;
}

describe("retention settings", () => {
  it.each([
    [{}, RETENTION_DEFAULT],
    [{ retention: { warmDays: 7 } }, { ...RETENTION_DEFAULT, warmDays: 7 }],
    [{ retention: { hotHours: 1, warmDays: 1, coldDays: 1 } }, { hotHours: 1, warmDays: 1, coldDays: 1 }],
    [{ retention: { warmDays: -1 } }, RETENTION_DEFAULT],
  ])("of %j are %j", (settings, retention) => {
    expect(retentionOf(settings)).toEqual(retention);
  });

  it.each([
    { hotHours: 0 },
    { hotHours: 49 },
    { warmDays: 91 },
    { warmDays: 0.5 },
    { coldDays: 0 },
    { coldDays: "30" },
    { warmdays: 30 },
  ])("refuse %j on entry", (retention) => {
    expect(ProjectInput.safeParse({ name: "n", settings: { retention } }).success).toBe(false);
  });

  it("are accepted on entry within their limits", () => {
    const settings = { retention: { hotHours: 24, warmDays: 30, coldDays: 365 } };
    expect(ProjectInput.safeParse({ name: "n", settings }).success).toBe(true);
  });
});

describe("the warm tier", () => {
  it("loses old rows of the project only, compressed rows too", async () => {
    const short = await projectWith({ retention: { warmDays: 10 } });
    const other = await projectWith({});
    await loadDays(short, [1, 8, 15, 40]);
    await loadDays(other, [1, 8, 15, 40]);
    await compress();
    expect((await age()).rowsDeleted).toBe(20);
    expect(await daysHeld(short)).toEqual([1, 8]);
    expect(await daysHeld(other)).toEqual([1, 8, 15, 40]);
    expect((await age()).rowsDeleted).toBe(0);
  });

  it("drops days that are too old for every project", async () => {
    const project = await projectWith({});
    await loadDays(project, [20, 120, 200]);
    expect((await age()).chunksDropped).toBeGreaterThanOrEqual(2);
    expect(await daysHeld(project)).toEqual([20]);
  });

  it("keeps imported old events for the retention time after their arrival, also beside expired rows", async () => {
    const project = await projectWith({ retention: { warmDays: 30 } });
    await loadDays(project, [50, 400], 1);
    await loadDays(project, [60, 400 - 1], 399);
    await compress();
    await age();
    expect(await daysHeld(project)).toEqual([50, 400]);
    await age(Date.now() + 31 * DAY_MS);
    expect(await daysHeld(project)).toEqual([]);
  });

  it("stops when there is no time left, and continues in the next run", async () => {
    const project = await projectWith({ retention: { warmDays: 5 } });
    await loadDays(project, [20, 21, 22]);
    let steps = 2;
    await ageTiers(stores, Date.now(), () => steps-- > 0);
    expect((await daysHeld(project)).length).toBeGreaterThan(0);
    await age();
    expect(await daysHeld(project)).toEqual([]);
  });
});

describe("the cold tier", () => {
  it("loses objects of old days after they were stored for the retention time", async () => {
    const project = await projectWith({ retention: { coldDays: 30 } });
    const cold = new ColdTier(stores);
    // One of these events is still recent after a month.
    for (const days of [-2, 29, 32, 100]) {
      const timeMs = Date.now() - days * DAY_MS;
      await cold.load(runOf({ project, rawShard: freshName("shardId"), count: 3, fields: { timeMs } }));
    }
    await age();
    // All objects were written just now, as by an import.
    expect(await parquetKeys(stores.s3, project)).toHaveLength(4);
    const monthLaterMs = Date.now() + 31 * DAY_MS;
    expect(await deleteOldObjects(stores.s3, project, 61, monthLaterMs, () => true)).toBe(0);
    expect(await deleteOldObjects(stores.s3, project, 30, monthLaterMs, () => true)).toBe(3);
    const [kept] = await parquetKeys(stores.s3, project);
    expect(kept).toContain(`day=${new Date(Date.now() + 2 * DAY_MS).toISOString().slice(0, 10)}`);
  });
});

describe("the hot tier", () => {
  it("loses a project's old minutes", async () => {
    const project = await projectWith({ retention: { hotHours: 6 } });
    const put = (hoursAgo: number) =>
      stores.dynamodb.send(
        new PutItemCommand({
          TableName: TABLES.hot,
          Item: { pk: { S: minuteKey(project) }, sk: { S: `${minuteOf(Date.now() - hoursAgo * HOUR_MS)}#s` } },
        }),
      );
    for (let hoursAgo = 0; hoursAgo < 40; hoursAgo++) await put(hoursAgo);
    expect((await age()).minutesDeleted).toBe(33);
    const left = await stores.dynamodb.send(
      new QueryCommand({
        TableName: TABLES.hot,
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": { S: minuteKey(project) } },
      }),
    );
    expect(left.Count).toBe(7);
  });
});
