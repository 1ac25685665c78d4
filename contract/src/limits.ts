// The one table of limits. Every bound the pipeline enforces stands here, with its unit in its name and its reason beside
// it; the docs' tables, openapi.json and the SDKs' limits are generated from it. Relations are asserted at the bottom.

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const LIMITS = {
  // --- one request ---------------------------------------------------------------------------------------------------
  /** Compressed body. Larger than any official library's batch. */
  bodyCompressedBytes: 1 * MIB,
  /** Plain or decompressed body: one server library batches up to 4 MiB and never retries a 413. */
  bodyBytes: 4 * MIB,
  /** Read and thrown away after a 413 was sent, so that the client gets to read it; for `bodyDrainMs` at most. */
  bodyDrainBytes: 8 * MIB,
  bodyDrainMs: 5 * SECOND_MS,
  /**
   * Time a body has to arrive in, and how fast it must come beyond it: one second more for so many bytes. Slower than any
   * mobile network that carries a page.
   */
  bodyReadMs: 10 * SECOND_MS,
  bodyBytesPerSecond: 8 * KIB,
  eventsPerRequest: 2_500,
  pixelDataBytes: 8 * KIB,

  // --- one event -----------------------------------------------------------------------------------------------------
  /** The event's text as sent, in UTF-8. */
  eventBytes: 32 * KIB,
  /** The event itself is depth 1. Postgres jsonb and Parquet readers recurse. */
  depth: 16,
  keysPerObject: 256,
  /** Every JSON value counts, objects and arrays included. */
  nodesPerEvent: 2_000,
  /**
   * Different keys of a request's events; an event that brings more is refused. A key that is new to the JSON parser costs it a
   * microsecond, and everything after it another: the largest body could bring 290,000. Real ones have a few hundred.
   */
  keysPerRequest: 20_000,
  /**
   * Objects and arrays of a request's events, or commas, that are parsed without a look at the text first: two million brackets
   * parse to 180 MB, and an isolate has 128.
   */
  openingsParsed: 200_000,
  /** Members likewise: an event has fewer, whatever stands in its texts. The look costs 10 ms a MiB. */
  membersParsed: 32 * KIB,
  /** A longer text is too large for an event beyond doubt, and is not parsed: no `messageId` is told of it. */
  eventParsedBytes: 256 * KIB,
  /** In UTF-16 units, like the next one: that is what a browser's developer can count. */
  keyLength: 128,
  stringLength: 8_192,
  messageIdLength: 100,
  idLength: 256,
  eventNameLength: 200,

  // --- what is told of an event --------------------------------------------------------------------------------------
  /** A pointer repeats the whole path: sixteen keys of 128 units, for each of 2,000 values, would be 4 MB of an event of 32 KB. */
  pointerLength: 256,
  /** A person reads the first few; how many were left out is told. */
  warningsPerEvent: 20,
  warningsPerRequest: 200,
  /** Personal data of one event that is recorded with its place; masked is all of it. One more says that there was more. */
  findingsPerEvent: 20,
  /** Pointers of personal data in one request's envelope, in UTF-16 units: some ten for each event of the largest batch. */
  findingPointerUnits: 512 * KIB,
  /**
   * Strings of one request that are searched for personal data character by character, in UTF-16 units; a string beyond is
   * masked whole. A batch of 2,500 sign-ups with two addresses each has three quarters of it. The dearest text takes 0.18 ms a
   * KiB, so this bounds what a request takes of an isolate that all tenants share to some 60 ms.
   */
  piiUnitsPerRequest: 320 * KIB,

  // --- time ----------------------------------------------------------------------------------------------------------
  /** A clock that is off by less is left alone: the network's delay is of that order on phones. */
  clockSkewToleratedMs: 5 * MINUTE_MS,
  futureToleratedMs: 24 * HOUR_MS,
  pastToleratedMs: 30 * DAY_MS,
  /** The same messageId within this window counts once. */
  dedupeWindowMs: 24 * HOUR_MS,
  /** Behind the stream an event older than this when it is read may be a copy that came another way: look it up. */
  suspectAgeMs: 10 * SECOND_MS,

  // --- the buffer shard ----------------------------------------------------------------------------------------------
  /**
   * Bodies above this are compressed by the Worker; smaller ones are packed together by the shard. Making a compressor costs as
   * much as compressing 50 KB: one for each small body would be most of its work.
   */
  packThresholdBytes: 32 * KIB,
  /**
   * A longer line is divided into several before it is compressed. However badly one packs, it then fits into a record, and
   * nothing is compressed twice.
   */
  lineBytes: 768 * KIB,
  /** Bodies from this size on are tried whether they pack at all (edge/src/collect/density.ts). */
  denseBytes: 512 * KIB,
  /** One Kinesis record holds at most 1 MiB with its partition key; room is left for the mark of a second try. */
  frameBytes: 1_000_000,
  /** What a frame unpacks to: a reader holds it as text and as values at the same time. */
  frameUnpackedBytes: 16 * MIB,
  /** Frames of several requests in one row, and message ids beside them: a row of a Durable Object holds 2 MB in all. */
  rowFrameBytes: 900_000,
  rowIdsBytes: 900_000,
  /** A batch's context, as JSON: with it an event must still fit into one record. */
  batchContextBytes: 900_000,
  /** A shard whose waiting rows are more than this refuses (503 storage_full) until it has drained below the low-water mark. */
  shardHighWaterBytes: 2_048 * MIB,
  shardLowWaterBytes: 1_536 * MIB,
  /** So does one whose whole database is larger: it may hold 10 GB, and draining writes too. */
  shardEventsDatabaseBytes: 8_192 * MIB,
  /** Beyond this nothing is written that can wait. */
  shardDatabaseBytes: 9_216 * MIB,
  /**
   * Calls to shards that one request makes, those it shares with others too; beyond it 503. The largest body of a project with
   * 256 shards makes 512. Cloudflare allows a request 1,000 subrequests.
   */
  shardCallsPerRequest: 900,
  /** Appends that wait for their commit; beyond it the shard answers `overloaded`. */
  shardPendingBytes: 8 * MIB,
  /** The same of all shards in one isolate, which has 128 MB; each byte of it lies there three times during a commit. */
  isolatePendingBytes: 6 * MIB,
  /** Rows that shards of one isolate keep in memory until they are flushed. */
  isolateHeldBytes: 3 * MIB,
  /** Records in calls to the streams; each byte lies there five times: as bytes, base64, body, signed body, on its way. */
  isolateFlushBytes: 2 * MIB,
  /** Message ids in the memory of all shards of one isolate. */
  isolateIdBytes: 24 * MIB,
  /** Cloudflare ends an isolate that holds more. */
  isolateMemoryBytes: 128 * MIB,
  /** The code, its tables, and the keys it knows. */
  isolateBaseBytes: 40 * MIB,
  /** While a body is judged: its bytes (1), its text (1 or 2), its values (up to 4), its line and what is packed (2). */
  isolateBytesPerBodyByte: 9,
  /** Bodies an isolate holds at one time, decompressed; beyond it 503. */
  isolateBodyBytes: 6 * MIB,
  /** Of these, what other bodies leave to those that declare no more than `bodySmallBytes`. */
  isolateSmallBodyBytes: 1 * MIB,
  bodySmallBytes: 64 * KIB,
  /** Where room is short, a body that has been arriving for this long, and on average slower than that, gives way. */
  bodySlowAfterMs: 200,
  bodySlowBytesPerSecond: 64 * KIB,
  /** A body that declares no more is read as a whole, and charged when it is there: no stream is made for it. */
  bodyWholeBytes: 64 * KIB,
  /** What those may declare in all that are being read like this. */
  bodyWholeReadsBytes: 4 * MIB,
  /** How many newest message ids a shard keeps in memory (8 bytes each in a table at most half full). */
  dedupeMemoryIds: 1_000_000,
  /** As many ids outside the sorted runs on disk make the next run; sorting them takes 2 MiB. */
  dedupeRunIds: 262_144,

  // --- consent -------------------------------------------------------------------------------------------------------
  /** Buckets that ids fall into: by them shards are picked and the ledger is laid out. Never changes. */
  idBuckets: 256,
  /** Shards of a project in each region. */
  shardsMax: 256,
  /** A body of `POST /v1/consent`: two ids, two purposes, a method. Plain only, so that it can hide nothing large. */
  consentBodyBytes: 16 * KIB,
  /** `context.consent.categoryPreferences` as JSON, as for every other signal; beyond it is unknown. */
  consentSignalBytes: 4 * KIB,
  /** The newest records of one id that are kept; how the id stands needs none of them. */
  consentHistoryRecords: 100,
  /** Standings in one page from the ledger to a shard: 35 bytes each. */
  ledgerPageEntries: 5_000,

  // --- the sink ------------------------------------------------------------------------------------------------------
  putRecordsRecords: 500,
  /** Kinesis allows 5 MiB a call; one flush stays below it, and below what an isolate can hold in base64. */
  putRecordsBytes: 4 * MIB,
  /** Bounds every outgoing call, its body included. */
  callDeadlineMs: 10 * SECOND_MS,
  flushBackoffMaxMs: 60 * SECOND_MS,

  // --- reading -------------------------------------------------------------------------------------------------------
  queryEventsDefault: 50,
  queryEventsMax: 500,
  queryTopMax: 1_000,
  queryBuckets: 10_000,
  realtimeMinutesMax: 24 * 60,

  /** Path and query of a reading call, each: servers take 8 to 16 KiB of request line and headers together. */
  queryAddressLength: 8 * KIB,
  /** A body that is forwarded to the query function: questions, administration, replays. */
  forwardedBodyBytes: 64 * KIB,
  /** The same for a tracking plan: people write it with more white space than it is kept with. */
  forwardedPlanBytes: 2 * MIB,

  // --- tracking plans ------------------------------------------------------------------------------------------------
  planEvents: 1_000,
  /** One event's schema as JSON text; what it unfolds to is bounded too (backend/src/tracking-plan/schema-rules.ts). */
  planSchemaBytes: 64 * KIB,
  /** A whole plan as JSON text. */
  planBytes: 1 * MIB,
  /** Compressed, as the processor reads it: one item of DynamoDB holds 400 KB. */
  planPackedBytes: 350 * KIB,
  /** How long the processor goes by a plan before it looks for a newer one. */
  planCacheMs: 10 * SECOND_MS,

  // --- failed events -------------------------------------------------------------------------------------------------
  /** An original above this is not kept, and the event cannot be replayed. */
  failedOriginalBytes: 256 * KIB,
  failedListMax: 1_000,
  replayIdsMax: 1_000,

  // --- the live tail -------------------------------------------------------------------------------------------------
  /** UTF-16 units that wait for one watcher; what comes beyond is left out, and the watcher told how much. */
  liveBufferBytes: 1 * MIB,
  /** For a watcher that does not confirm what it read: far more than a person can follow. */
  liveBytesPerSecond: 256 * KIB,
  /** Such a watcher may have stopped reading long ago. */
  liveUnconfirmedBytes: 12 * MIB,
  /** On the way to all watchers of a project together: until they read it, it lies in the memory of an isolate, which has 128. */
  liveTailBytes: 16 * MIB,
  /** Told of one project, all isolates together: more than anybody reads. Beyond it events are counted as dropped. */
  liveEventsPerSecond: 1_000,

  // --- keys ----------------------------------------------------------------------------------------------------------
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
  /** A read of KV that takes longer counts as failed. */
  keyReadDeadlineMs: 2 * SECOND_MS,
  /** Records of real keys an isolate keeps. */
  keyCacheEntries: 10_000,
  /** Keys an isolate remembers as unknown, in a table of their own: made-up keys push no real one out. */
  unknownKeyCacheEntries: 10_000,
  /** An unknown key is looked up again after `keyCacheMs`, then after twice that, and so on up to this. */
  unknownKeyMaxMs: 60 * SECOND_MS,
  /** Keys unknown to KV that an isolate asks the control plane about. Beyond it they are refused: KV is at most a minute behind. */
  keyReadThroughsPerSecond: 5,
  keyReadThroughsBurst: 10,
  rotationOverlapHours: 72,
  sessionMs: 12 * HOUR_MS,
  /** How long an isolate believes that a session goes on; one that was ended is refused within 5 s everywhere. */
  sessionCacheMs: 3 * SECOND_MS,
} as const;

function assertRelation(holds: boolean, relation: string): void {
  if (!holds) throw new Error(`limits contradict each other: ${relation}`);
}

assertRelation(LIMITS.bodyCompressedBytes <= LIMITS.bodyBytes, "a compressed body is no larger than a plain one");
assertRelation(LIMITS.warningsPerEvent <= LIMITS.warningsPerRequest, "one event's warnings fit into an answer");
assertRelation(LIMITS.stringLength <= LIMITS.piiUnitsPerRequest, "the longest string may be looked at closely");
assertRelation(
  LIMITS.findingPointerUnits < LIMITS.frameBytes,
  "what is told of personal data leaves room for the events",
);
assertRelation(LIMITS.eventBytes <= LIMITS.membersParsed, "a single event that is looked at as text breaks a limit");
assertRelation(LIMITS.eventBytes <= LIMITS.frameBytes, "one event fits into one record");
assertRelation(
  LIMITS.batchContextBytes + 2 * LIMITS.eventBytes <= LIMITS.frameBytes,
  "one event with its batch's context fits into one record",
);
assertRelation(2 * LIMITS.bodyBytes <= LIMITS.frameUnpackedBytes, "what one body packs to fits into one frame");
assertRelation(LIMITS.lineBytes * 1.01 <= LIMITS.rowFrameBytes, "a line that does not pack fits into one row");
assertRelation(LIMITS.frameBytes <= LIMITS.putRecordsBytes, "one record fits into one call");
assertRelation(LIMITS.dedupeRunIds <= LIMITS.dedupeMemoryIds / 2, "ids that are in no run are surely in memory");
assertRelation(LIMITS.shardLowWaterBytes < LIMITS.shardHighWaterBytes, "low water is below high water");
assertRelation(2 * LIMITS.planBytes <= LIMITS.forwardedPlanBytes, "a whole plan can be sent");
assertRelation(
  LIMITS.bodySlowBytesPerSecond > LIMITS.bodyBytesPerSecond,
  "a body gives way to others long before it is refused for being slow",
);
assertRelation(
  LIMITS.bodyBytes + LIMITS.bodyCompressedBytes + LIMITS.isolateSmallBodyBytes <= LIMITS.isolateBodyBytes,
  "the largest body fits into the isolate's budget",
);
assertRelation(
  LIMITS.isolateBaseBytes + LIMITS.bodyWholeReadsBytes + LIMITS.isolateBodyBytes * LIMITS.isolateBytesPerBodyByte <=
    LIMITS.isolateMemoryBytes,
  "an isolate can hold all the bodies it admits",
);
assertRelation(LIMITS.keyCacheMs < LIMITS.keyCacheWhileReadMs, "one request reads a key's record while others go on");
assertRelation(LIMITS.keyCacheWhileReadMs < 5 * SECOND_MS, "a revoked key is refused within 5 s");
assertRelation(LIMITS.keyRefreshMs < LIMITS.keyTrustedMs, "a key in use is read again before its record is too old");
assertRelation(LIMITS.keyTrustedMs < LIMITS.keyStaleMs, "an outage of KV leaves time");
assertRelation(LIMITS.sessionCacheMs < 5 * SECOND_MS, "a session that was ended is refused within 5 s");
assertRelation(2 * LIMITS.shardsMax < LIMITS.shardCallsPerRequest, "a body may ask every shard and then store in it");
assertRelation(LIMITS.shardsMax <= LIMITS.idBuckets, "each shard has a bucket");
assertRelation(LIMITS.consentBodyBytes <= LIMITS.bodyBytes, "a consent body is no larger than any body");
assertRelation(
  LIMITS.rowFrameBytes + LIMITS.rowIdsBytes + 64 * KIB < 2_000_000,
  "several requests' frame and ids fit into one row",
);
assertRelation(
  LIMITS.frameBytes + 8 * LIMITS.eventsPerRequest + 64 * KIB < 2_000_000,
  "one request's frame and ids fit into one row",
);
assertRelation(
  LIMITS.shardHighWaterBytes < LIMITS.shardEventsDatabaseBytes &&
    LIMITS.shardEventsDatabaseBytes < LIMITS.shardDatabaseBytes &&
    LIMITS.shardDatabaseBytes < 10_000 * 1_000 * 1_000,
  "waiting rows, events and everything fit into one object, in this order",
);
assertRelation(
  LIMITS.isolateBaseBytes +
    3 * LIMITS.isolatePendingBytes +
    LIMITS.isolateHeldBytes +
    5 * LIMITS.isolateFlushBytes +
    LIMITS.isolateIdBytes <=
    LIMITS.isolateMemoryBytes,
  "what the shards of one isolate hold fits into its memory",
);
assertRelation(LIMITS.liveBufferBytes <= LIMITS.liveTailBytes, "one watcher's room is no more than all watchers'");
