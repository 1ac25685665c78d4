// The budgets of Cloudflare and AWS, as their documentation of 2026 names them. Local workerd and the emulators enforce none of
// these numbers. Therefore their relations to our own limits are asserted (relations.ts), and the budget tests (tests/budget)
// measure against them.

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

export const PLATFORM = {
  // --- Cloudflare Workers --------------------------------------------------------------------------------------------
  /** Cloudflare ends a larger isolate. V8's heap and the arrays beside it count, of all requests and objects in the isolate. */
  isolateMemoryBytes: 128 * MIB,
  /** Per request; older accounts have 1,000. */
  subrequests: 10_000,
  subrequestsOfOlderAccounts: 1_000,

  // --- Durable Objects -----------------------------------------------------------------------------------------------
  objectStorageBytes: 10_000_000_000,
  /** A row, a string or a BLOB of SQLite. */
  rowBytes: 2_000_000,
  /** A soft limit. Above it calls fail as overloaded. */
  objectRequestsPerSecond: 1_000,

  // --- Workers KV ----------------------------------------------------------------------------------------------------
  /** An edge location may answer from its own cache for this long. */
  kvCacheMs: 60 * SECOND_MS,

  // --- Kinesis -------------------------------------------------------------------------------------------------------
  /** A record with its partition key. */
  kinesisRecordBytes: 1 * MIB,
  putRecordsRecords: 500,
  putRecordsBytes: 5 * MIB,

  // --- Lambda --------------------------------------------------------------------------------------------------------
  /** An answer that is not streamed. */
  lambdaAnswerBytes: 6 * MIB,
  lambdaRunMs: 15 * MINUTE_MS,

  // --- DynamoDB ------------------------------------------------------------------------------------------------------
  dynamoDbItemBytes: 400 * KIB,
  /** For one partition key. A write unit is 1 KiB of one item. */
  dynamoDbWriteUnitsPerKeyPerSecond: 1_000,
} as const;
