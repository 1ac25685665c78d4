// The table of tunings: the pace of the pipeline within its bounds (limits.ts). No tuning refuses a client, and another value
// changes only cost or speed. Layouts, and estimates from which bounds are derived, are here as well. relations.ts asserts
// their relations.

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

export const TUNINGS = {
  // --- duplicates and rows ----------------------------------------------------------------------------------------------
  /** An event that is older than this when a tier reads it may be a duplicate that arrived by another route, and is looked up. */
  suspectAgeMs: 10 * SECOND_MS,
  /**
   * The Worker compresses larger bodies. The shard packs smaller bodies together. Creating a compressor costs as much as
   * compressing 50 KB, which would be most of the work for a small body.
   */
  packThresholdBytes: 32 * KIB,
  /** From this size on, samples of a body decide whether it is compressed at all (edge/src/collect/density.ts). */
  denseBytes: 512 * KIB,
  /** Newest message ids that a shard keeps in memory (8 bytes each, in a table that is at most half full). */
  dedupeMemoryIds: 1_000_000,
  /** This many ids outside the sorted runs on disk are sorted into the next run. Sorting them needs 2 MiB. */
  dedupeRunIds: 262_144,
  flushBackoffMaxMs: 60 * SECOND_MS,

  // --- layout -----------------------------------------------------------------------------------------------------------
  /** Buckets of ids. They determine the shard and the layout of the ledger. The number never changes. */
  idBuckets: 256,
  /** Consent entries in one page from the ledger to a shard, 35 bytes each. */
  ledgerPageEntries: 5_000,

  // --- an isolate's memory and the bodies in it -------------------------------------------------------------------------
  /** The code, its tables, and the keys it knows. */
  isolateBaseBytes: 40 * MIB,
  /** Memory while a body is judged: its bytes (1), its text (1 or 2), its values (up to 4), its line and the packed line (2). */
  isolateBytesPerBodyByte: 9,
  bodySmallBytes: 64 * KIB,
  /** A body with a declared length of up to this is read as a whole and charged when it has arrived, without a stream object. */
  bodyWholeBytes: 64 * KIB,
  /** If room is short, a body is ended that has been arriving for this long, on average slower than `bodySlowBytesPerSecond`. */
  bodySlowAfterMs: 200,
  bodySlowBytesPerSecond: 64 * KIB,

  // --- how long known facts are used ------------------------------------------------------------------------------------
  /**
   * How long an isolate uses a key's record where no shard checks the key again: for reading, administration and consent. A
   * revoked key must be refused within 5 s.
   */
  keyCacheMs: 3 * SECOND_MS,
  /** The same while another request of the isolate reads the record, so that only one request reads it. */
  keyCacheWhileReadMs: 4_500,
  /**
   * How long an isolate uses a key's record for events. The shard itself refuses a revoked key, and KV answers from its own cache
   * for 30 to 60 s anyway.
   */
  keyTrustedMs: 60 * SECOND_MS,
  /** From this age on a record is read again in the background, while requests use the old record. */
  keyRefreshMs: 30 * SECOND_MS,
  /** While KV fails, requests that write use a record of up to this age: an outage of KV must not stop ingestion. */
  keyStaleMs: 1 * HOUR_MS,
  /** An unknown key is looked up again after `keyCacheMs`, then after twice that, and so on up to this. */
  unknownKeyMaxMs: 60 * SECOND_MS,
  /** How long an isolate assumes that a session is still open. An ended session is refused everywhere within 5 s. */
  sessionCacheMs: 3 * SECOND_MS,
  /** How long the processor uses a plan before it looks for a newer version. */
  planCacheMs: 10 * SECOND_MS,

  // --- answers ----------------------------------------------------------------------------------------------------------
  queryEventsDefault: 50,
} as const;
