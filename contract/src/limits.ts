// Bounds: what the pipeline takes, keeps and answers at most. Beyond a bound it refuses, cuts or leaves out. Each bound has its unit
// in its name and its reason beside it. How the pipeline paces itself within them stands in tunings.ts, what Cloudflare and AWS
// allow in platform.ts, and what has to hold between all of them in relations.ts. Bounds of a single folder stand in its own files;
// docs/LIMITS.md collects them. The SDKs' limits, openapi.json and the documents are generated from these tables.

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

  // --- the buffer shard ----------------------------------------------------------------------------------------------
  /**
   * A longer line is divided into several before it is compressed. However badly one packs, it then fits into a record, and
   * nothing is compressed twice.
   */
  lineBytes: 768 * KIB,
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
  /** Bodies an isolate holds at one time, decompressed; beyond it 503. */
  isolateBodyBytes: 8 * MIB,
  /** Of these, what other bodies leave to those that declare no more than `bodySmallBytes`. */
  isolateSmallBodyBytes: 1 * MIB,
  /** What those may declare in all that are being read like this. */
  bodyWholeReadsBytes: 4 * MIB,

  // --- consent -------------------------------------------------------------------------------------------------------
  /** Shards of a project in each region. */
  shardsMax: 256,
  /** A body of `POST /v1/consent`: two ids, two purposes, a method. Plain only, so that it can hide nothing large. */
  consentBodyBytes: 16 * KIB,
  /** `context.consent.categoryPreferences` as JSON, as for every other signal; beyond it is unknown. */
  consentSignalBytes: 4 * KIB,
  /** The newest records of one id that are kept; how the id stands needs none of them. */
  consentHistoryRecords: 100,

  // --- the sink ------------------------------------------------------------------------------------------------------
  putRecordsRecords: 500,
  /** Kinesis allows 5 MiB a call; one flush stays below it, and below what an isolate can hold in base64. */
  putRecordsBytes: 4 * MIB,
  /** Bounds every outgoing call, its body included. */
  callDeadlineMs: 10 * SECOND_MS,

  // --- reading -------------------------------------------------------------------------------------------------------
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
  /** A read of KV that takes longer counts as failed. */
  keyReadDeadlineMs: 2 * SECOND_MS,
  /** Records of real keys an isolate keeps. */
  keyCacheEntries: 10_000,
  /** Keys an isolate remembers as unknown, in a table of their own: made-up keys push no real one out. */
  unknownKeyCacheEntries: 10_000,
  /** Keys unknown to KV that an isolate asks the control plane about. Beyond it they are refused: KV is at most a minute behind. */
  keyReadThroughsPerSecond: 5,
  keyReadThroughsBurst: 10,
  rotationOverlapHours: 72,
  sessionMs: 12 * HOUR_MS,
} as const;
