// Asserts the relations between bounds, tunings and the platform's budgets when the contract is loaded. A change that breaks a
// relation fails every test.

import { LIMITS } from "./limits.ts";
import { PLATFORM } from "./platform.ts";
import { TUNINGS } from "./tunings.ts";

/** A revoked key and an ended session are refused everywhere within this time. */
const REVOKED_WITHIN_MS = 5_000;
/** Columns of a row beside its frame and its ids, with room to spare. */
const ROW_HEAD_BYTES = 64 * 1024;

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
// 5 % of a record are left for its partition key and the mark of a retry.
assertRelation(
  LIMITS.frameBytes * 1.04 <= PLATFORM.kinesisRecordBytes,
  "a frame with its partition key fits into one record",
);
assertRelation(
  LIMITS.putRecordsRecords <= PLATFORM.putRecordsRecords && LIMITS.putRecordsBytes <= PLATFORM.putRecordsBytes,
  "Kinesis takes one call of a flush",
);
assertRelation(TUNINGS.dedupeRunIds <= TUNINGS.dedupeMemoryIds / 2, "ids that are in no run are surely in memory");
assertRelation(LIMITS.shardLowWaterBytes < LIMITS.shardHighWaterBytes, "low water is below high water");
assertRelation(2 * LIMITS.planBytes <= LIMITS.forwardedPlanBytes, "a whole plan can be sent");
assertRelation(
  TUNINGS.bodySlowBytesPerSecond > LIMITS.bodyBytesPerSecond,
  "a body gives way to others long before it is refused for being slow",
);
assertRelation(
  LIMITS.bodyBytes + LIMITS.bodyCompressedBytes + LIMITS.isolateSmallBodyBytes <= LIMITS.isolateBodyBytes,
  "the largest body fits into the isolate's budget",
);
assertRelation(
  TUNINGS.isolateBaseBytes + LIMITS.bodyWholeReadsBytes + LIMITS.isolateBodyBytes * TUNINGS.isolateBytesPerBodyByte <=
    PLATFORM.isolateMemoryBytes,
  "an isolate can hold all the bodies it admits",
);
assertRelation(TUNINGS.keyCacheMs < TUNINGS.keyCacheWhileReadMs, "one request reads a key's record while others go on");
assertRelation(TUNINGS.keyCacheWhileReadMs < REVOKED_WITHIN_MS, "a revoked key is refused within 5 s");
assertRelation(TUNINGS.keyRefreshMs < TUNINGS.keyTrustedMs, "a key in use is read again before its record is too old");
assertRelation(TUNINGS.keyTrustedMs < TUNINGS.keyStaleMs, "an outage of KV leaves time");
assertRelation(TUNINGS.sessionCacheMs < REVOKED_WITHIN_MS, "a session that was ended is refused within 5 s");
assertRelation(2 * LIMITS.shardsMax < LIMITS.shardCallsPerRequest, "a body may ask every shard and then store in it");
assertRelation(LIMITS.shardsMax <= TUNINGS.idBuckets, "each shard has a bucket");
assertRelation(LIMITS.consentBodyBytes <= LIMITS.bodyBytes, "a consent body is no larger than any body");
assertRelation(
  LIMITS.rowFrameBytes + LIMITS.rowIdsBytes + ROW_HEAD_BYTES < PLATFORM.rowBytes,
  "several requests' frame and ids fit into one row",
);
assertRelation(
  LIMITS.frameBytes + 8 * LIMITS.eventsPerRequest + ROW_HEAD_BYTES < PLATFORM.rowBytes,
  "one request's frame and ids fit into one row",
);
assertRelation(
  LIMITS.shardHighWaterBytes < LIMITS.shardEventsDatabaseBytes &&
    LIMITS.shardEventsDatabaseBytes < LIMITS.shardDatabaseBytes &&
    LIMITS.shardDatabaseBytes < PLATFORM.objectStorageBytes,
  "waiting rows, events and everything fit into one object, in this order",
);
assertRelation(
  TUNINGS.isolateBaseBytes +
    3 * LIMITS.isolatePendingBytes +
    LIMITS.isolateHeldBytes +
    5 * LIMITS.isolateFlushBytes +
    LIMITS.isolateIdBytes <=
    PLATFORM.isolateMemoryBytes,
  "what the shards of one isolate hold fits into its memory",
);
assertRelation(LIMITS.liveBufferBytes <= LIMITS.liveTailBytes, "one watcher's room is no more than all watchers'");
assertRelation(
  LIMITS.shardCallsPerRequest < PLATFORM.subrequestsOfOlderAccounts &&
    PLATFORM.subrequestsOfOlderAccounts < PLATFORM.subrequests,
  "a request may make the calls that it is allowed, in older accounts too",
);
// A plan is one item, which also holds its version and its times.
assertRelation(LIMITS.planPackedBytes + 16 * 1024 <= PLATFORM.dynamoDbItemBytes, "a packed plan fits into one item");
// A page of events of the largest size: the texts of a stored event are not larger than the texts that were sent.
assertRelation(
  LIMITS.forwardedPlanBytes < PLATFORM.lambdaAnswerBytes && LIMITS.forwardedBodyBytes < PLATFORM.lambdaAnswerBytes,
  "what is forwarded fits into a call of the function",
);
assertRelation(LIMITS.callDeadlineMs < PLATFORM.lambdaRunMs, "a call ends before the function that makes it");
assertRelation(
  TUNINGS.keyTrustedMs <= PLATFORM.kvCacheMs,
  "a key is believed no longer than KV itself would answer with it",
);
