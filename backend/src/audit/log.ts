// Keeps the audit log: who read or changed what, appended before it happens. Each project has one chain. An advisory lock
// serialises appends to a chain, so two records never follow the same record.

import type { Fragment, Sql, TransactionSql } from "postgres";
import { type AuditRecord, canonicalText, chainHash, GENESIS_HASH } from "./chain.ts";

export interface StoredAuditRecord extends AuditRecord {
  id: number;
  previousHash: string;
  hash: string;
}

export interface ChainVerdict {
  valid: boolean;
  records: number;
  /** Hash of the newest record. Keep it elsewhere too: nothing else reveals a cut tail. */
  head: string;
  /** The first record that does not follow from the record before it. */
  firstBroken: { id: number; at: string } | null;
}

const VERIFY_PAGE_ROWS = 2_000;

interface Row {
  id: number;
  at_ms: number;
  project: string;
  actor: string;
  action: string;
  target: Record<string, unknown>;
  request_id: string;
  previous_hash: string;
  hash: string;
}

/** Resolves once the record is committed. @throws if it cannot be committed. Then nothing may be read or changed. */
export async function appendAudit(sql: Sql, record: AuditRecord): Promise<void> {
  const canonical = canonicalText(record);
  const target = JSON.stringify(record.target);
  // Two statements of one transaction, sent together. The snapshot of the second statement is taken while the lock is held.
  await sql.begin((tx) => [
    tx`select pg_advisory_xact_lock(hashtextextended(${`audit:${record.project}`}, 0))`,
    tx`
      insert into audit_log (at, project, actor, action, target, request_id, previous_hash, hash)
      select
        to_timestamp(${record.atMs}::float8 / 1000), ${record.project}, ${record.actor}, ${record.action},
        ${target}::text::jsonb, ${record.requestId}, previous.hash,
        encode(sha256(convert_to(previous.hash || chr(10) || ${canonical}::text, 'UTF8')), 'hex')
      from (
        select coalesce((${newestHash(tx, record.project)}), ${GENESIS_HASH}) as hash
      ) previous`,
  ]);
}

/** The statement that finds the hash that the project's next record continues. It runs before every read and every change. */
export function newestHash(sql: Sql | TransactionSql, project: string): Fragment {
  return sql`select hash from audit_log where project = ${project} order by id desc limit 1`;
}

/** Newest first; `from` inclusive, `to` exclusive. */
export async function listAudit(
  sql: Sql,
  project: string,
  range: { fromMs: number; toMs: number },
  limit: number,
): Promise<StoredAuditRecord[]> {
  const rows = await sql<Row[]>`
    select id::float8 as id, extract(epoch from at)::float8 * 1000 as at_ms, project, actor, action, target, request_id,
      previous_hash, hash
    from audit_log
    where project = ${project}
      and at >= to_timestamp(${range.fromMs}::float8 / 1000) and at < to_timestamp(${range.toMs}::float8 / 1000)
    order by id desc
    limit ${limit}`;
  return rows.map(fromRow);
}

/** Verifies the project's whole chain, a page at a time. */
export async function verifyAudit(sql: Sql, project: string): Promise<ChainVerdict> {
  let head = GENESIS_HASH;
  let records = 0;
  let afterId = 0;
  for (;;) {
    const rows = await sql<Row[]>`
      select id::float8 as id, extract(epoch from at)::float8 * 1000 as at_ms, project, actor, action, target, request_id,
        previous_hash, hash
      from audit_log
      where project = ${project} and id > ${afterId}
      order by id
      limit ${VERIFY_PAGE_ROWS}`;
    for (const row of rows) {
      const record = fromRow(row);
      const follows = record.previousHash === head && record.hash === chainHash(head, canonicalText(record));
      if (!follows) {
        return { valid: false, records, head, firstBroken: { id: record.id, at: new Date(record.atMs).toISOString() } };
      }
      head = record.hash;
      records += 1;
      afterId = record.id;
    }
    if (rows.length < VERIFY_PAGE_ROWS) return { valid: true, records, head, firstBroken: null };
  }
}

function fromRow(row: Row): StoredAuditRecord {
  return {
    id: row.id,
    // The column stores milliseconds. The double that carries them may be off by a fraction of a millisecond.
    atMs: Math.round(row.at_ms),
    project: row.project,
    actor: row.actor,
    action: row.action,
    target: row.target,
    requestId: row.request_id,
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}
