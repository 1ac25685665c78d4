// Names that two sides must agree on: streams, tables, buckets, KV keys. Customers' own tools read these stores
// (docs/API_DOCUMENTATION.md#the-stores-as-interfaces).

export const STREAMS = { raw: "behaviour-raw", enriched: "behaviour-enriched" } as const;

export const TABLES = {
  /** Hot tier: counters per minute, packed ids. */
  hot: "behaviour-hot",
  /** HMAC(kind, id) → surrogate. It has a key and a role of its own. */
  vault: "behaviour-vault",
  /** Consumers' ledgers: records that the processor has seen, and checkpoints. */
  ledger: "behaviour-ledger",
} as const;

export const BUCKETS = {
  /** Cold tier, read by people. */
  events: "events",
  /** Quarantined events, read by people. */
  failedEvents: "failed-events",
  /** The failure destination: batches that an event-source mapping could not deliver, with their payload. */
  undelivered: "undelivered",
} as const;

/** KV key of an API key's record, by the hex SHA-256 of the key. */
export function keyRecordName(keySha256Hex: string): string {
  return `key:${keySha256Hex}`;
}
