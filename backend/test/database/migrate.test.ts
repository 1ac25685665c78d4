// Tests the migrator: run again, run twice at the same time, and run after an interruption.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type PostgresPart, startPostgres } from "../../../local/index.ts";
import { readConfig } from "../../src/config.ts";
import { connect, databaseClient, type Sql } from "../../src/database/client.ts";
import { migrateDatabase } from "../../src/database/migrate.ts";
import { project } from "../../src/database/schema.ts";

let postgres: PostgresPart;
let sql: Sql;
beforeAll(async () => {
  postgres = await startPostgres();
  sql = connect(postgres.url, 2);
}, 60_000);
afterAll(async () => {
  await sql?.end({ timeout: 5 });
  await postgres?.stop();
});

const tables = async () =>
  (await sql`select table_name from information_schema.tables where table_schema = 'public' order by 1`).map(
    (row) => row["table_name"] as string,
  );

describe("migrateDatabase", () => {
  it("leaves nothing behind when it fails half-way, and succeeds when run again", async () => {
    // The last statements of the custom migration fail, because a table has the name of the view.
    await sql`create table events (in_the_way int)`;
    await expect(migrateDatabase(postgres.url)).rejects.toThrow("Failed query");
    expect(await tables()).toEqual(["events"]);
    await sql`drop table events`;
    await migrateDatabase(postgres.url);
    expect(await tables()).toEqual(expect.arrayContaining(["api_key", "event", "event_minute", "events", "project"]));
  });

  it("changes nothing when it runs again or twice at the same time", async () => {
    const before = await tables();
    const jobs = () => sql`select job_id, proc_name, config from timescaledb_information.jobs order by job_id`;
    const jobsBefore = [...(await jobs())];
    await Promise.all([migrateDatabase(postgres.url), migrateDatabase(postgres.url)]);
    expect(await tables()).toEqual(before);
    expect([...(await jobs())]).toEqual(jobsBefore);
  });
});

describe("the clients", () => {
  it("serve Drizzle and raw SQL side by side, dates included", async () => {
    const database = databaseClient(readConfig({ DATABASE_URL: postgres.url, DATABASE_CONNECTIONS: "1" }));
    const createdAt = new Date(1_764_032_400_123);
    await database.insert(project).values({ id: "p_one", name: "One", createdAt });
    const [stored] = await database.select().from(project);
    expect(stored).toEqual({ id: "p_one", name: "One", settings: {}, shards: 1, createdAt });
    const [raw] = await sql`select created_at from project where created_at = ${createdAt}`;
    expect(raw?.["created_at"]).toEqual(createdAt);
    await database.$client.end();
  });
});
