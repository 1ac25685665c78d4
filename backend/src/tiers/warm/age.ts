// Ages the warm tier. Chunks (days) that are too old for every project are dropped as a whole, which costs nothing and leaves
// their counts in the continuous aggregates. If a project has a shorter retention, its rows are deleted. The aggregates follow
// with their next refresh.

import type { TransactionSql } from "postgres";
import type { Sql } from "../../database/client.ts";

const DAY_MS = 86_400_000;
/** Enough for a compressed day of a large project. */
const STATEMENT_TIMEOUT = "120s";
/** A load into such an old chunk has priority. The next run tries again. */
const LOCK_TIMEOUT = "2s";

interface Chunk {
  schema: string;
  name: string;
  from: Date;
  to: Date;
}

export interface WarmAged {
  chunksDropped: number;
  rowsDeleted: number;
}

/** The chunks whose whole range is before the cutoff. */
async function oldChunks(sql: Sql, cutoff: Date): Promise<Chunk[]> {
  return sql<Chunk[]>`
    select chunk_schema as schema, chunk_name as name, range_start as from, range_end as to
    from timescaledb_information.chunks
    where hypertable_name = 'event' and range_end <= ${cutoff}
    order by range_start`;
}

/** Drops chunks that are too old for every project. @param hasTime checked before each chunk; the rest waits for the next run */
export async function dropOldChunks(
  sql: Sql,
  warmDaysMax: number,
  nowMs: number,
  hasTime: () => boolean,
): Promise<WarmAged> {
  const cutoff = new Date(nowMs - warmDaysMax * DAY_MS);
  const aged: WarmAged = { chunksDropped: 0, rowsDeleted: 0 };
  for (const chunk of await oldChunks(sql, cutoff)) {
    if (!hasTime()) return aged;
    await sql.begin(async (tx) => {
      await boundStatements(tx);
      // The lock prevents an event from being loaded between the check and the drop.
      await tx`lock table ${tx(chunk.schema)}.${tx(chunk.name)} in exclusive mode`;
      const [imported] = await tx`
        select from event where time >= ${chunk.from} and time < ${chunk.to} and received_at >= ${cutoff} limit 1`;
      if (imported === undefined) {
        await tx`select drop_chunks('event', older_than => ${chunk.to}::timestamptz, newer_than => ${chunk.from}::timestamptz)`;
        aged.chunksDropped++;
      } else {
        const deleted = await tx`
          delete from event where time >= ${chunk.from} and time < ${chunk.to} and received_at < ${cutoff}`;
        aged.rowsDeleted += deleted.count;
      }
    });
  }
  return aged;
}

/** Deletes a project's rows that are older than its own retention. @returns their number */
export async function deleteOldRows(
  sql: Sql,
  project: string,
  warmDays: number,
  nowMs: number,
  hasTime: () => boolean,
): Promise<number> {
  const cutoff = new Date(nowMs - warmDays * DAY_MS);
  const [oldest] = await sql<{ time: Date | null }[]>`select min(time) as time from event where project = ${project}`;
  const oldestMs = oldest?.time?.getTime() ?? Infinity;
  let rows = 0;
  for (const chunk of await oldChunks(sql, cutoff)) {
    if (chunk.to.getTime() <= oldestMs) continue;
    if (!hasTime()) return rows;
    rows += await sql.begin(async (tx) => {
      await boundStatements(tx);
      const [imported] = await tx`
        select from event
        where project = ${project} and time >= ${chunk.from} and time < ${chunk.to} and received_at >= ${cutoff} limit 1`;
      // Without the second condition a compressed chunk drops whole segments without unpacking them.
      const deleted =
        imported === undefined
          ? await tx`delete from event where project = ${project} and time >= ${chunk.from} and time < ${chunk.to}`
          : await tx`
              delete from event
              where project = ${project} and time >= ${chunk.from} and time < ${chunk.to} and received_at < ${cutoff}`;
      return deleted.count;
    });
  }
  return rows;
}

async function boundStatements(tx: TransactionSql): Promise<void> {
  await tx`set local timescaledb.max_tuples_decompressed_per_dml_transaction = 0`;
  await tx`select set_config('statement_timeout', ${STATEMENT_TIMEOUT}, true), set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`;
}
