// Names that two sides must agree on: streams, tables, buckets, KV keys. People point their own tools at them (docs/API_DOCUMENTATION.md#the-stores-as-interfaces).

export const STREAMS = { raw: "behaviour-raw", enriched: "behaviour-enriched" } as const;

export const TABLES = {
  /** Hot tier: counters per minute, packed ids. */
  hot: "behaviour-hot",
  /** HMAC(kind, id) → surrogate; its own key and role. */
  vault: "behaviour-vault",
  /** Consumers' ledgers: what the processor has seen, checkpoints. */
  ledger: "behaviour-ledger",
} as const;

export const BUCKETS = {
  /** Cold tier, read by people. */
  events: "events",
  /** Quarantined events, read by people. */
  failedEvents: "failed-events",
  /** Batches an event-source mapping gave up on, with their payload. */
  undelivered: "undelivered",
} as const;

/** KV key of what the edge knows about an API key, by the hex SHA-256 of the key. */
export function keyRecordName(keySha256Hex: string): string {
  return `key:${keySha256Hex}`;
}
