// Finds records that are redeliveries of a row that is already in the stream. E11.
//
// The edge's shard marks a record that it puts again because it never learned the result of the first put. Both records carry
// the same partition key, so both come out of the same stream shard, in order. Every invocation writes the records that it is
// about to emit into the ledger. The ledger is read only for a marked record. If an invocation crashes after its ledger entry,
// the retry finds that entry. It holds the record's own sequence number, so the record does not count as a duplicate.
//
// Not covered: a stream shard that was split between the two puts. The redelivered record then comes out of the child shard and
// is processed. The tiers find the duplicates, because every event of a marked record is a suspect.

import {
  type AttributeValue,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { TABLES } from "@behaviour/contract";
import { callDeadline } from "../aws.ts";
import type { RawRecord } from "./record.ts";
import { type LedgerRecord, ledgerRecord, packLedger, unpackLedger } from "./redelivery-entry.ts";
import { packCounts, type RecordTally } from "./tally.ts";

/** The partition that lists every raw shard that has a ledger. */
export const LEDGER_SHARDS = "processed-shards";
/** As long as the stream keeps a record. */
export const RETENTION_SECONDS = 7 * 24 * 3_600;
const ANNOUNCE_INTERVAL_MS = 24 * 3_600_000;
/** How far the edge's and the stream's clocks may differ, and how far a stream's arrival times may run backwards. */
const TOLERANCE_MS = 60_000;
/** Even with sequence numbers of 128 digits this stays below DynamoDB's 400 KB per item. */
const RECORDS_PER_ITEM = 5_000;
/** The number of records of one stream shard that a warm process remembers. */
const REMEMBERED_RECORDS = 500_000;

export class RedeliveryLedger {
  readonly #dynamodb: DynamoDBClient;
  readonly #nowMs: () => number;
  readonly #pasts = new Map<string, ShardPast>();
  readonly #announcedMs = new Map<string, number>();

  constructor(dynamodb: DynamoDBClient, nowMs: () => number = Date.now) {
    this.#dynamodb = dynamodb;
    this.#nowMs = nowMs;
  }

  /**
   * Files all records of an invocation. It must succeed before any of the records is emitted.
   * @returns the look-up of duplicates for this invocation. @throws an infrastructure fault.
   */
  async file(records: readonly RawRecord[]): Promise<FiledInvocation> {
    for (let start = 0; start < records.length; start += RECORDS_PER_ITEM) {
      await this.#put(records.slice(start, start + RECORDS_PER_ITEM));
    }
    const [first] = records;
    let isRead = false;
    return {
      isCopy: async (record, sinceMs) => {
        const { keyHash, sequenceNumber } = ledgerRecord(record.partitionKey, record.sequenceNumber);
        const past = this.#pastOf(record.rawShard, first?.arrivedAtMs ?? record.arrivedAtMs);
        // Entries older than this invocation are complete and no longer change, so one read ahead serves all of its records.
        if (!isRead) await this.#readAhead(record.rawShard, past, first?.arrivedAtMs ?? record.arrivedAtMs);
        isRead = true;
        await this.#readBack(record.rawShard, past, sinceMs - TOLERANCE_MS);
        const earliest = past.earliest.get(keyHash);
        return earliest !== undefined && earliest < sequenceNumber;
      },
    };
  }

  /**
   * Files the outcomes of an invocation's records beside the records. It runs after they are emitted, so it counts finished work.
   * @param done number of records that are done, counted from the first
   */
  async fileCounts(records: readonly RawRecord[], done: number, tally: RecordTally): Promise<void> {
    for (let start = 0; start < done; start += RECORDS_PER_ITEM) {
      const ofItem = records.slice(start, Math.min(start + RECORDS_PER_ITEM, done));
      const [first] = ofItem;
      const sequenceNumbers = ofItem.map(({ sequenceNumber }) => sequenceNumber);
      const counts = tally.of(sequenceNumbers);
      if (first === undefined || counts === null) throw new Error("a record is done and was not counted");
      const command = new UpdateItemCommand({
        TableName: TABLES.ledger,
        Key: keyOf(first),
        UpdateExpression: "SET #counts = :counts",
        ExpressionAttributeNames: { "#counts": "counts" },
        ExpressionAttributeValues: { ":counts": { B: packCounts(sequenceNumbers, counts) } },
        ConditionExpression: "attribute_exists(pk)",
      });
      await this.#dynamodb.send(command, { abortSignal: callDeadline() });
    }
  }

  async #put(records: readonly RawRecord[]): Promise<void> {
    const [first] = records;
    if (first === undefined) return;
    await this.#announce(first.rawShard);
    const packed = packLedger(records.map((record) => ledgerRecord(record.partitionKey, record.sequenceNumber)));
    const command = new PutItemCommand({
      TableName: TABLES.ledger,
      Item: {
        // An invocation that starts at the same record has the same key, so it replaces the item of the first run.
        ...keyOf(first),
        records: { B: packed },
        expiresAt: { N: String(Math.floor(this.#nowMs() / 1_000) + RETENTION_SECONDS) },
      },
    });
    await this.#dynamodb.send(command, { abortSignal: callDeadline() });
  }

  /** Readers of the ledger must know which shards have a ledger. Writing a shard once a day is enough to outlast its expiry. */
  async #announce(rawShard: string): Promise<void> {
    const nowMs = this.#nowMs();
    if ((this.#announcedMs.get(rawShard) ?? 0) > nowMs - ANNOUNCE_INTERVAL_MS) return;
    const command = new PutItemCommand({
      TableName: TABLES.ledger,
      Item: {
        pk: { S: LEDGER_SHARDS },
        sk: { S: rawShard },
        expiresAt: { N: String(Math.floor(nowMs / 1_000) + 2 * RETENTION_SECONDS) },
      },
    });
    await this.#dynamodb.send(command, { abortSignal: callDeadline() });
    this.#announcedMs.set(rawShard, nowMs);
  }

  #pastOf(rawShard: string, headMs: number): ShardPast {
    let past = this.#pasts.get(rawShard);
    const isAhead = past !== undefined && past.toMs > headMs + TOLERANCE_MS;
    if (past === undefined || isAhead || past.earliest.size > REMEMBERED_RECORDS) {
      past = { fromMs: headMs - TOLERANCE_MS, toMs: headMs - TOLERANCE_MS, earliest: new Map() };
      this.#pasts.set(rawShard, past);
    }
    return past;
  }

  /** Overlaps the range that was read before, because arrival times are approximate and may run back a little. */
  async #readAhead(rawShard: string, past: ShardPast, headMs: number): Promise<void> {
    await this.#read(rawShard, past, past.toMs - TOLERANCE_MS, headMs + TOLERANCE_MS);
    past.toMs = Math.max(past.toMs, headMs);
  }

  async #readBack(rawShard: string, past: ShardPast, fromMs: number): Promise<void> {
    if (fromMs >= past.fromMs) return;
    await this.#read(rawShard, past, fromMs, past.fromMs);
    past.fromMs = fromMs;
  }

  async #read(rawShard: string, past: ShardPast, fromMs: number, toMs: number): Promise<void> {
    const values = { ":shard": ledgerPartition(rawShard), ":from": timePrefix(fromMs), ":to": timePrefix(toMs + 1) };
    let start: Record<string, AttributeValue> | undefined;
    do {
      const command = new QueryCommand({
        TableName: TABLES.ledger,
        KeyConditionExpression: "pk = :shard AND sk BETWEEN :from AND :to",
        ExpressionAttributeValues: Object.fromEntries(Object.entries(values).map(([name, S]) => [name, { S }])),
        ConsistentRead: true,
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      });
      const page = await this.#dynamodb.send(command, { abortSignal: callDeadline() });
      for (const item of page.Items ?? []) {
        if (item.records?.B !== undefined) remember(past, unpackLedger(item.records.B));
      }
      start = page.LastEvaluatedKey;
    } while (start !== undefined);
  }
}

export interface FiledInvocation {
  /**
   * Whether the first put of a marked record's row went through before this record.
   * @param sinceMs when the edge received the oldest request in the record. The first put is not older.
   * @throws an infrastructure fault.
   */
  isCopy(record: RawRecord, sinceMs: number): Promise<boolean>;
}

/** The records that were filed for a stream shard between two arrival times. */
interface ShardPast {
  fromMs: number;
  toMs: number;
  /** By key hash, the smallest sequence number under which it was filed. */
  earliest: Map<string, bigint>;
}

function remember(past: ShardPast, records: readonly LedgerRecord[]): void {
  for (const { keyHash, sequenceNumber } of records) {
    const known = past.earliest.get(keyHash);
    if (known === undefined || sequenceNumber < known) past.earliest.set(keyHash, sequenceNumber);
  }
}

/** The partition of a raw shard's ledger. */
export function ledgerPartition(rawShard: string): string {
  return `processed#${rawShard}`;
}

function keyOf({ rawShard, arrivedAtMs, sequenceNumber }: RawRecord): Record<"pk" | "sk", AttributeValue> {
  const sk = `${timePrefix(arrivedAtMs)}#${sequenceNumber.padStart(SEQUENCE_DIGITS, "0")}`;
  return { pk: { S: ledgerPartition(rawShard) }, sk: { S: sk } };
}

const TIME_DIGITS = 15;
const SEQUENCE_DIGITS = 128;

export function timePrefix(ms: number): string {
  return String(Math.max(0, Math.floor(ms))).padStart(TIME_DIGITS, "0");
}
