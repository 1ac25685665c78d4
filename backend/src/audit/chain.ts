// How one record of the audit log vouches for the one before it. The hash covers every column that says something, so a
// changed, removed or inserted record breaks the chain; a cut tail shows by comparing the head with one kept elsewhere.

import { createHash } from "node:crypto";

export interface AuditRecord {
  atMs: number;
  project: string;
  /** Id of the API key that acted; `cli` or `seed` for the installation's own programs. */
  actor: string;
  /** `query.trend`, `keys.revoke` … */
  action: string;
  /** What was asked for or changed; holds no id of a person, only surrogates. */
  target: Record<string, unknown>;
  requestId: string;
}

/** What the first record of a project's chain stands on. */
export const GENESIS_HASH = "0".repeat(64);

/** The record as the text that is hashed: independent of the order in which the database keeps an object's keys. */
export function canonicalText(record: AuditRecord): string {
  const { atMs, project, actor, action, target, requestId } = record;
  return JSON.stringify([atMs, project, actor, action, requestId, sortKeys(target)]);
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  // By code unit: the same on every machine, whatever its locale.
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, sortKeys(member)]));
}

/** Hex SHA-256 over the previous hash and the record; the database computes the same when it appends (log.ts). */
export function chainHash(previousHash: string, canonical: string): string {
  return createHash("sha256").update(`${previousHash}\n${canonical}`).digest("hex");
}
