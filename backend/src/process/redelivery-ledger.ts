// Which records are second tries of a row that is already in the stream. E11.
//
// The edge's shard marks a record that it puts again because it never learned what became of the first try. Both carry the
// same partition key, so both come out of the same stream shard, in order. Every invocation writes what it is about to emit
// into the ledger; only for a marked record is the ledger read. An invocation that dies after its ledger entry meets that
// entry again: the same sequence number is its own and never counts as a copy.
//
// Not covered: a stream shard that was split between the two tries. The second one then comes out of the child; it is
// processed, and the tiers find it because every marked record is a suspect.

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

/** The partition that names every raw shard there is a ledger of. */
export const LEDGER_SHARDS = "processed-shards";
/** As long as the stream keeps a record. */
export const RETENTION_SECONDS = 7 * 24 * 3_600;
const ANNOUNCE_INTERVAL_MS = 24 * 3_600_000;
/** By how much the edge's and the stream's clocks may differ, and a stream's arrival times run back. */
const TOLERANCE_MS = 60_000;
/** With sequence numbers of 128 digits still below DynamoDB's 400 KB an item. */
const RECORDS_PER_ITEM = 5_000;
/** What a warm process remembers of one stream shard, in records. */
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
   * Files all records of an invocation; must have succeeded before any of them is emitted.
   * @returns what the invocation may then ask. @throws an infrastructure fault.
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
        // What lies behind this invocation is complete and changes no more: one look ahead for all of its records.
        if (!isRead) await this.#readAhead(record.rawShard, past, first?.arrivedAtMs ?? record.arrivedAtMs);
        isRead = true;
        await this.#readBack(record.rawShard, past, sinceMs - TOLERANCE_MS);
        const earliest = past.earliest.get(keyHash);
        return earliest !== undefined && earliest < sequenceNumber;
      },
    };
  }

  /**
   * Files beside the records of an invocation what became of them. Behind their emission: what is counted was done.
   * @param done how many of them are, from the first
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
        // The same again for an invocation that starts at the same record: it replaces what the first run filed.
        ...keyOf(first),
        records: { B: packed },
        expiresAt: { N: String(Math.floor(this.#nowMs() / 1_000) + RETENTION_SECONDS) },
      },
    });
    await this.#dynamodb.send(command, { abortSignal: callDeadline() });
  }

  /** Who reads the ledger must know of which shards there is one; once a day is often enough for its expiry. */
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

  /** Overlaps what was read before, because arrival times are approximate and may run back a little. */
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
   * Whether a marked record's first try went through before it.
   * @param sinceMs when the edge received the oldest request in it: the first try is no older.
   * @throws an infrastructure fault.
   */
  isCopy(record: RawRecord, sinceMs: number): Promise<boolean>;
}

/** What was filed for a stream shard between two arrival times. */
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
