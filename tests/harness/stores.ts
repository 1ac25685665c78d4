// The three tiers as a person's own tools see them. This file uses none of the pipeline's readers.
// docs/API_DOCUMENTATION.md#the-stores-as-interfaces.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import { GetObjectCommand, paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import { DuckDBInstance } from "@duckdb/node-api";
import postgres from "postgres";
import type { Endpoints } from "./pipeline.ts";

const CREDENTIALS = { region: "us-east-1", credentials: { accessKeyId: "local", secretAccessKey: "local" } };

/** The number of copies of each message in a tier. */
export type Copies = Map<string, number>;

/** The sum of `events` over one project's items per minute: the number of distinct messages. */
async function hotEvents(endpoints: Endpoints, project: string): Promise<number> {
  const client = new DynamoDBClient({ ...CREDENTIALS, endpoint: endpoints.dynamodb });
  let sum = 0;
  for await (const page of paginateScan({ client }, { TableName: "behaviour-hot", ConsistentRead: true })) {
    for (const item of page.Items ?? []) {
      const key = item.pk?.S ?? "";
      if (key.startsWith(project) && item.events?.N !== undefined) sum += Number(item.events.N);
    }
  }
  client.destroy();
  return sum;
}

async function warmCopies(endpoints: Endpoints, project: string): Promise<Copies> {
  const sql = postgres(endpoints.database, { max: 1, onnotice: () => {} });
  try {
    const rows = await sql<{ message_id: string; copies: number }[]>`
      select message_id, count(*)::int as copies from events where project = ${project} group by message_id`;
    return new Map(rows.map((row) => [row.message_id, row.copies]));
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** Every row of every Parquet object of the project, read by DuckDB. `select` reads them as the table `events`. */
export async function queryCold<Row>(endpoints: Endpoints, project: string, select: string): Promise<Row[]> {
  const client = new S3Client({ ...CREDENTIALS, endpoint: endpoints.s3, forcePathStyle: true });
  const folder = mkdtempSync(join(tmpdir(), "behaviour-cold-"));
  try {
    let files = 0;
    for await (const page of paginateListObjectsV2({ client }, { Bucket: "events", Prefix: `project=${project}/` })) {
      for (const { Key } of page.Contents ?? []) {
        if (Key === undefined || !/^project=[^/]+\/day=\d{4}-\d{2}-\d{2}\/[^/]+\.parquet$/.test(Key)) continue;
        // The object may have been merged into another object since it was listed. Its rows are then in that object.
        const object = await client.send(new GetObjectCommand({ Bucket: "events", Key })).catch(() => null);
        if (object?.Body === undefined) continue;
        writeFileSync(join(folder, `${files++}.parquet`), await object.Body.transformToByteArray());
      }
    }
    if (files === 0) return [];
    const duckdb = await DuckDBInstance.create(":memory:");
    const connection = await duckdb.connect();
    await connection.run(
      `create view events as select * from read_parquet('${folder}/*.parquet', union_by_name = true)`,
    );
    const reader = await connection.runAndReadAll(select);
    const rows = reader.getRowObjectsJson() as Row[];
    connection.closeSync();
    duckdb.closeSync();
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
    client.destroy();
  }
}

async function coldCopies(endpoints: Endpoints, project: string): Promise<Copies> {
  const rows = await queryCold<{ message_id: string; copies: number | string }>(
    endpoints,
    project,
    "select message_id, count(*) as copies from events group by message_id",
  );
  return new Map(rows.map((row) => [row.message_id, Number(row.copies)]));
}

export interface Tiers {
  hot: number;
  warm: Copies;
  cold: Copies;
}

export async function readTiers(endpoints: Endpoints, project: string): Promise<Tiers> {
  const hot = await hotEvents(endpoints, project);
  const warm = await warmCopies(endpoints, project);
  return { hot, warm, cold: await coldCopies(endpoints, project) };
}

/** The differences between the tiers and the sets of acknowledged and sent messages. Empty when there are none. */
function findFaults(tiers: Tiers, acknowledged: ReadonlySet<string>, sent: ReadonlySet<string>): string[] {
  const faults: string[] = [];
  for (const tier of ["warm", "cold"] as const) {
    const copies = tiers[tier];
    const missing = [...acknowledged].filter((id) => !copies.has(id));
    const multiple = [...copies].filter(([, count]) => count !== 1).map(([id]) => id);
    const foreign = [...copies.keys()].filter((id) => !sent.has(id));
    if (missing.length > 0) faults.push(`${tier}: ${missing.length} acknowledged are missing, e.g. ${missing[0]}`);
    if (multiple.length > 0) faults.push(`${tier}: ${multiple.length} are there more than once, e.g. ${multiple[0]}`);
    if (foreign.length > 0) faults.push(`${tier}: ${foreign.length} were never sent, e.g. ${foreign[0]}`);
  }
  if (tiers.warm.size !== tiers.cold.size) faults.push(`warm has ${tiers.warm.size} messages, cold ${tiers.cold.size}`);
  if (tiers.hot !== tiers.warm.size) faults.push(`hot counts ${tiers.hot}, warm has ${tiers.warm.size}`);
  return faults;
}

/**
 * Repeats the check until it finds no faults or the time is over.
 * @returns the last faults found.
 */
export async function settledFaults(
  endpoints: () => Endpoints,
  project: string,
  acknowledged: ReadonlySet<string>,
  sent: ReadonlySet<string>,
  withinMs: number,
): Promise<string[]> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const faults = await readTiers(endpoints(), project).then(
      (tiers) => findFaults(tiers, acknowledged, sent),
      (fault: unknown) => [`a store does not answer: ${String(fault)}`],
    );
    if (faults.length === 0 || Date.now() > deadline) return faults;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}
