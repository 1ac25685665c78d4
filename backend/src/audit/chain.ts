// Chains the audit log: the hash of each record proves the record before it. The hash covers every column with content, so a
// changed, removed or inserted record breaks the chain. A cut tail shows by comparing the head with a head kept elsewhere.

import { createHash } from "node:crypto";

export interface AuditRecord {
  atMs: number;
  project: string;
  /** Id of the API key that acted; `cli` or `seed` for the installation's own programs. */
  actor: string;
  /** `query.trend`, `keys.revoke` … */
  action: string;
  /** The parameters of the read or the change. Contains surrogates, never an id of a person. */
  target: Record<string, unknown>;
  requestId: string;
}

/** The previous hash of the first record in a project's chain. */
export const GENESIS_HASH = "0".repeat(64);

/** The record as the text that is hashed. It does not depend on the order in which the database keeps an object's keys. */
export function canonicalText(record: AuditRecord): string {
  const { atMs, project, actor, action, target, requestId } = record;
  return JSON.stringify([atMs, project, actor, action, requestId, sortKeys(target)]);
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  // By code unit, so that the order does not depend on the machine's locale.
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, sortKeys(member)]));
}

/** Hex SHA-256 over the previous hash and the record. The database computes the same hash when it appends (log.ts). */
export function chainHash(previousHash: string, canonical: string): string {
  return createHash("sha256").update(`${previousHash}\n${canonical}`).digest("hex");
}
