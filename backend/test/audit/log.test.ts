// A quiet project's audit record costs the same however many records the other projects have.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPostgres } from "../../../local/index.ts";
import { appendAudit, newestHash, verifyAudit } from "../../src/audit/log.ts";
import { connect, type Sql } from "../../src/database/client.ts";
import { migrateDatabase } from "../../src/database/migrate.ts";

const QUIET_RECORDS = 1_000;
const BUSY_RECORDS = 100_000;

let sql: Sql;
let stop: () => Promise<void>;
beforeAll(async () => {
  const postgres = await startPostgres();
  await migrateDatabase(postgres.url);
  sql = connect(postgres.url, 1);
  stop = async () => {
    await sql.end({ timeout: 2 });
    await postgres.stop();
  };
}, 60_000);
afterAll(() => stop());

const record = (project: string, requestId: string) => ({
  atMs: Date.UTC(2026, 10, 20),
  project,
  actor: "k_1",
  action: "events.list",
  target: {},
  requestId,
});

describe("a quiet project beside a busy project", () => {
  it("finds its newest record without a walk over the other's records, and its chain stays whole", async () => {
    // Too many for the planner to read them all, and older than every record of the other project.
    for (let number = 0; number < QUIET_RECORDS; number++) await appendAudit(sql, record("quiet", `r_${number}`));
    await sql`
      insert into audit_log (at, project, actor, action, target, request_id, previous_hash, hash)
      select now(), 'busy', 'k_2', 'events.list', '{}', 'r', '', md5(n::text) from generate_series(1, ${BUSY_RECORDS}) n`;
    await sql`analyze audit_log`;
    const read = await rowsRead("quiet");
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(100);
    await appendAudit(sql, record("quiet", "r_last"));
    expect(await verifyAudit(sql, "quiet")).toMatchObject({ valid: true, records: QUIET_RECORDS + 1 });
  });
});

interface PlanNode {
  "Actual Rows": number;
  "Rows Removed by Filter"?: number;
  Plans?: PlanNode[];
}

function readBy(node: PlanNode): number {
  const children = (node.Plans ?? []).reduce((sum, child) => sum + readBy(child), 0);
  return node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0) + children;
}

/** The rows that the look-up of a project's newest record reads, at every level of its plan. */
async function rowsRead(project: string): Promise<number> {
  const [row] = await sql<{ "QUERY PLAN": { Plan: PlanNode }[] }[]>`
    explain (analyze, timing off, format json) ${newestHash(sql, project)}`;
  return (row?.["QUERY PLAN"] ?? []).reduce((sum, { Plan }) => sum + readBy(Plan), 0);
}
