// Tunings: how the pipeline paces itself within its bounds (limits.ts). No client is refused by one of them, and another value changes cost
// or speed only. Layouts and estimates that bounds are derived from stand here too. Relations are asserted in relations.ts.

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

export const TUNINGS = {
  // --- duplicates and rows ----------------------------------------------------------------------------------------------
  /** Behind the stream an event older than this when it is read may be a copy that came another way: look it up. */
  suspectAgeMs: 10 * SECOND_MS,
  /**
   * Bodies above this are compressed by the Worker; smaller ones are packed together by the shard. Making a compressor costs as
   * much as compressing 50 KB: one for each small body would be most of its work.
   */
  packThresholdBytes: 32 * KIB,
  /** Bodies from this size on are tried whether they pack at all (edge/src/collect/density.ts). */
  denseBytes: 512 * KIB,
  /** How many newest message ids a shard keeps in memory (8 bytes each in a table at most half full). */
  dedupeMemoryIds: 1_000_000,
  /** As many ids outside the sorted runs on disk make the next run; sorting them takes 2 MiB. */
  dedupeRunIds: 262_144,
  flushBackoffMaxMs: 60 * SECOND_MS,

  // --- layout -----------------------------------------------------------------------------------------------------------
  /** Buckets that ids fall into: by them shards are picked and the ledger is laid out. Never changes. */
  idBuckets: 256,
  /** Standings in one page from the ledger to a shard: 35 bytes each. */
  ledgerPageEntries: 5_000,

  // --- an isolate's memory and the bodies in it -------------------------------------------------------------------------
  /** The code, its tables, and the keys it knows. */
  isolateBaseBytes: 40 * MIB,
  /** While a body is judged: its bytes (1), its text (1 or 2), its values (up to 4), its line and what is packed (2). */
  isolateBytesPerBodyByte: 9,
  bodySmallBytes: 64 * KIB,
  /** A body that declares no more is read as a whole, and charged when it is there: no stream is made for it. */
  bodyWholeBytes: 64 * KIB,
  /** Where room is short, a body that has been arriving for this long, and on average slower than that, gives way. */
  bodySlowAfterMs: 200,
  bodySlowBytesPerSecond: 64 * KIB,

  // --- how long something known is believed -----------------------------------------------------------------------------
  /**
   * How long an isolate believes a key's record where no shard judges the key again: reading, administration, consent. A
   * revoked key must be refused within 5 s.
   */
  keyCacheMs: 3 * SECOND_MS,
  /** The same while another request of the isolate is reading the record, so that one request reads it, not each. */
  keyCacheWhileReadMs: 4_500,
  /**
   * How long an isolate believes a key's record on the way of events. The shard refuses a revoked key by itself, and KV would
   * answer from its own cache for 30 to 60 s anyway.
   */
  keyTrustedMs: 60 * SECOND_MS,
  /** From this age on a record is read again in the background, while requests go by the old one. */
  keyRefreshMs: 30 * SECOND_MS,
  /** While KV fails, writers go by a record of up to this age: an outage of KV must not be one of ingestion. */
  keyStaleMs: 1 * HOUR_MS,
  /** An unknown key is looked up again after `keyCacheMs`, then after twice that, and so on up to this. */
  unknownKeyMaxMs: 60 * SECOND_MS,
  /** How long an isolate believes that a session goes on; one that was ended is refused within 5 s everywhere. */
  sessionCacheMs: 3 * SECOND_MS,
  /** How long the processor goes by a plan before it looks for a newer one. */
  planCacheMs: 10 * SECOND_MS,

  // --- answers ----------------------------------------------------------------------------------------------------------
  queryEventsDefault: 50,
} as const;
