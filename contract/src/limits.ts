// The table of bounds: the maximum of everything that the pipeline accepts, keeps and answers. Above a bound it refuses, cuts
// or omits. Each bound has its unit in its name and its reason beside it. tunings.ts has the pace within the bounds,
// platform.ts the budgets of Cloudflare and AWS, and relations.ts the relations between all of them. Bounds of a single folder
// are in its own files. docs/LIMITS.md collects them all. The SDKs' limits, openapi.json and the documents are generated from
// these tables.

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
  /** Plain or decompressed body. One server library sends batches of up to 4 MiB and never retries a 413. */
  bodyBytes: 4 * MIB,
  /** Read and discarded after a 413, so that the client can read the answer; for at most `bodyDrainMs`. */
  bodyDrainBytes: 8 * MIB,
  bodyDrainMs: 5 * SECOND_MS,
  /**
   * Time in which a body must arrive, with one second more for each `bodyBytesPerSecond` bytes. Every mobile network that can
   * load a page is faster.
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
   * Distinct keys of a request's events. An event with more new keys is rejected. A key that is new to the JSON parser costs a
   * microsecond there, and another in the stages after it. The largest body can hold 290,000 keys. Real bodies have a few
   * hundred.
   */
  keysPerRequest: 20_000,
  /**
   * Objects and arrays of a request's events, or commas, that are parsed without a scan of the text before. Two million brackets
   * parse to 180 MB, and an isolate has 128 MB.
   */
  openingsParsed: 200_000,
  /** Members that are parsed without such a scan. An event has fewer, whatever its texts hold. The scan costs 10 ms a MiB. */
  membersParsed: 32 * KIB,
  /** A longer text is certainly too large for an event and is not parsed. Its rejection has no `messageId`. */
  eventParsedBytes: 256 * KIB,
  /** In UTF-16 units, like the next bound, because a developer counts these units in a browser. */
  keyLength: 128,
  stringLength: 8_192,
  messageIdLength: 100,
  idLength: 256,
  eventNameLength: 200,

  // --- answers about an event ----------------------------------------------------------------------------------------
  /**
   * A pointer repeats the whole path. Sixteen keys of 128 units for each of 2,000 values would make 4 MB of an event of 32 KB.
   */
  pointerLength: 256,
  /** A person reads the first few. The answer has the number of the omitted warnings. */
  warningsPerEvent: 20,
  warningsPerRequest: 200,
  /**
   * Findings of personal data that are recorded for one event. All personal data is masked. One more finding says that there is
   * more.
   */
  findingsPerEvent: 20,
  /** Pointers of personal data in one request's envelope, in UTF-16 units: about ten for each event of the largest batch. */
  findingPointerUnits: 512 * KIB,
  /**
   * Strings of one request that are searched for personal data character by character, in UTF-16 units. A string above the bound
   * is masked whole. A batch of 2,500 sign-ups with two addresses each uses three quarters of it. The most expensive text costs
   * 0.18 ms a KiB, so a request uses an isolate that all tenants share for about 60 ms.
   */
  piiUnitsPerRequest: 320 * KIB,

  // --- time ----------------------------------------------------------------------------------------------------------
  /** A smaller error of a client's clock is not corrected, because the network's delay on phones is as large. */
  clockSkewToleratedMs: 5 * MINUTE_MS,
  futureToleratedMs: 24 * HOUR_MS,
  pastToleratedMs: 30 * DAY_MS,
  /** The same messageId within this window counts once. */
  dedupeWindowMs: 24 * HOUR_MS,

  // --- the buffer shard ----------------------------------------------------------------------------------------------
  /**
   * A longer line is split before compression. However badly a part compresses, it then fits into a record, and nothing is
   * compressed twice.
   */
  lineBytes: 768 * KIB,
  /** A Kinesis record holds at most 1 MiB with its partition key. Room is left for the mark of a retry. */
  frameBytes: 1_000_000,
  /** A frame after decompression. A reader holds it as text and as values at the same time. */
  frameUnpackedBytes: 16 * MIB,
  /** Frames of several requests in one row, and the message ids beside them. A row of a Durable Object holds 2 MB in all. */
  rowFrameBytes: 900_000,
  rowIdsBytes: 900_000,
  /** A batch's context, as JSON: with it an event must still fit into one record. */
  batchContextBytes: 900_000,
  /** A shard with more waiting rows refuses events (503 `storage_full`) until it has drained below the low-water mark. */
  shardHighWaterBytes: 2_048 * MIB,
  shardLowWaterBytes: 1_536 * MIB,
  /** A shard with a larger database refuses events, too. An object may hold 10 GB, and draining also writes. */
  shardEventsDatabaseBytes: 8_192 * MIB,
  /** Above this size a shard skips every write that can wait. */
  shardDatabaseBytes: 9_216 * MIB,
  /**
   * Calls to shards that one request makes, shared calls included. Above the bound the answer is 503. The largest body of a
   * project with 256 shards makes 512 calls. Cloudflare allows a request 1,000 subrequests.
   */
  shardCallsPerRequest: 900,
  /** Appends of one shard that wait for their commit. Above the bound the shard answers `overloaded`. */
  shardPendingBytes: 8 * MIB,
  /** Such appends of all shards in one isolate, which has 128 MB. During a commit each byte is in memory three times. */
  isolatePendingBytes: 6 * MIB,
  /** Rows that shards of one isolate keep in memory until they are flushed. */
  isolateHeldBytes: 3 * MIB,
  /**
   * Records in calls to the streams. Each byte is in memory five times: as bytes, base64, body, signed body and in the socket.
   */
  isolateFlushBytes: 2 * MIB,
  /** Message ids in the memory of all shards of one isolate. */
  isolateIdBytes: 24 * MIB,
  /** Bodies that an isolate holds at the same time, decompressed. Above the bound the answer is 503. */
  isolateBodyBytes: 8 * MIB,
  /** The part of `isolateBodyBytes` that only bodies with a declared length of up to `bodySmallBytes` may use. */
  isolateSmallBodyBytes: 1 * MIB,
  /** The declared length of all bodies that are being read as a whole. */
  bodyWholeReadsBytes: 4 * MIB,

  // --- consent -------------------------------------------------------------------------------------------------------
  /** Shards of a project in each region. */
  shardsMax: 256,
  /**
   * A body of `POST /v1/consent`: two ids, two purposes, a method. Compression is refused, so that it cannot hide a larger
   * body.
   */
  consentBodyBytes: 16 * KIB,
  /** `context.consent.categoryPreferences` as JSON, and every other signal. A longer signal counts as unknown. */
  consentSignalBytes: 4 * KIB,
  /** The newest consent records of one id that are kept. The id's current consent does not depend on them. */
  consentHistoryRecords: 100,

  // --- the sink ------------------------------------------------------------------------------------------------------
  putRecordsRecords: 500,
  /** Kinesis allows 5 MiB a call. A flush stays below it, and below the base64 text that an isolate can hold. */
  putRecordsBytes: 4 * MIB,
  /** Bounds every outgoing call, its body included. */
  callDeadlineMs: 10 * SECOND_MS,

  // --- reading -------------------------------------------------------------------------------------------------------
  queryEventsMax: 500,
  queryTopMax: 1_000,
  queryBuckets: 10_000,
  realtimeMinutesMax: 24 * 60,

  /** Path and query of a reading call, each. Servers accept 8 to 16 KiB of request line and headers together. */
  queryAddressLength: 8 * KIB,
  /** A body that is forwarded to the query function: questions, administration, replays. */
  forwardedBodyBytes: 64 * KIB,
  /** A forwarded tracking plan. People write it with more white space than the stored plan has. */
  forwardedPlanBytes: 2 * MIB,

  // --- tracking plans ------------------------------------------------------------------------------------------------
  planEvents: 1_000,
  /**
   * One event's schema as JSON text. Its size after references are resolved is bounded, too
   * (backend/src/tracking-plan/schema-rules.ts).
   */
  planSchemaBytes: 64 * KIB,
  /** A whole plan as JSON text. */
  planBytes: 1 * MIB,
  /** Compressed, as the processor reads it: one item of DynamoDB holds 400 KB. */
  planPackedBytes: 350 * KIB,

  // --- failed events -------------------------------------------------------------------------------------------------
  /** A larger original is not kept, and its event cannot be replayed. */
  failedOriginalBytes: 256 * KIB,
  failedListMax: 1_000,
  replayIdsMax: 1_000,

  // --- the live tail -------------------------------------------------------------------------------------------------
  /** UTF-16 units that wait for one watcher. Further messages are omitted, and the watcher gets their number. */
  liveBufferBytes: 1 * MIB,
  /** For a watcher that does not confirm its messages: far more than a person can follow. */
  liveBytesPerSecond: 256 * KIB,
  /** Above this, a watcher that does not confirm its messages has probably stopped reading. */
  liveUnconfirmedBytes: 12 * MIB,
  /** Messages that wait for all watchers of a project. They are in the memory of an isolate, which has 128 MB. */
  liveTailBytes: 16 * MIB,
  /** Events of one project that are sent to the live tail: more than a person reads. Further events are counted as dropped. */
  liveEventsPerSecond: 1_000,

  // --- keys ----------------------------------------------------------------------------------------------------------
  /** A read of KV that takes longer counts as failed. */
  keyReadDeadlineMs: 2 * SECOND_MS,
  /** Records of real keys that an isolate keeps. */
  keyCacheEntries: 10_000,
  /** Keys that an isolate remembers as unknown, in a table of their own, so that invented keys evict no real key. */
  unknownKeyCacheEntries: 10_000,
  /** Keys unknown to KV that an isolate asks the control plane about. Further keys are refused: KV is at most a minute behind. */
  keyReadThroughsPerSecond: 5,
  keyReadThroughsBurst: 10,
  rotationOverlapHours: 72,
  sessionMs: 12 * HOUR_MS,
} as const;
