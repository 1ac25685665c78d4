// Reads one shard. Handles iterators that expire, reads that are throttled, and records whose size is unknown before they are
// read.

import { type _Record, GetRecordsCommand, GetShardIteratorCommand, type KinesisClient } from "@aws-sdk/client-kinesis";
import { callDeadline } from "../../backend/src/aws.ts";

export interface ShardRecord {
  sequence: string;
  partitionKey: string;
  data: Uint8Array;
  arrivalMs: number;
}

export interface ShardRead {
  records: ShardRecord[];
  /** The shard was closed and holds no more records. */
  ended: boolean;
  /**
   * More records can be read immediately: the read returned as many records as it asked for, or the service reports that the
   * reader is behind.
   */
  more: boolean;
}

/**
 * A frame can have up to 1 MB, and a read limits the number of records, not bytes. The first read is therefore small. Later reads
 * use the sizes seen so far.
 */
const FIRST_READ_RECORDS = 8;
const SIZE_MEMORY = 0.2;

export class ShardReader {
  readonly #kinesis: KinesisClient;
  readonly #stream: string;
  readonly #shardId: string;
  #lastSequence: string | undefined;
  #iterator: string | undefined;
  #averageBytes: number | undefined;

  constructor(kinesis: KinesisClient, stream: string, shardId: string, afterSequence: string | undefined) {
    this.#kinesis = kinesis;
    this.#stream = stream;
    this.#shardId = shardId;
    this.#lastSequence = afterSequence;
  }

  /**
   * Reads about as many records as fit into `maxBytes`, at most `maxRecords`.
   * @throws the service's errors, throttling included.
   */
  async read(maxRecords: number, maxBytes: number): Promise<ShardRead> {
    try {
      return await this.#read(maxRecords, maxBytes);
    } catch (fault) {
      // The next read requests a new iterator from the last record that was read. An iterator expires after five minutes without
      // a read.
      this.#iterator = undefined;
      if (fault instanceof Error && fault.name === "ExpiredIteratorException") return this.#read(maxRecords, maxBytes);
      throw fault;
    }
  }

  async #read(maxRecords: number, maxBytes: number): Promise<ShardRead> {
    this.#iterator ??= await this.#newIterator();
    const fitting = this.#averageBytes === undefined ? FIRST_READ_RECORDS : Math.floor(maxBytes / this.#averageBytes);
    const limit = Math.max(1, Math.min(maxRecords, fitting));
    const answer = await this.#kinesis.send(new GetRecordsCommand({ ShardIterator: this.#iterator, Limit: limit }), {
      abortSignal: callDeadline(),
    });
    const records = (answer.Records ?? []).map(toShardRecord);
    this.#iterator = answer.NextShardIterator;
    const last = records.at(-1);
    if (last !== undefined) {
      this.#lastSequence = last.sequence;
      this.#learnSize(records);
    }
    const more = records.length === limit || (answer.MillisBehindLatest ?? 0) > 0;
    return { records, ended: answer.NextShardIterator === undefined, more };
  }

  async #newIterator(): Promise<string> {
    const position =
      this.#lastSequence === undefined
        ? { ShardIteratorType: "TRIM_HORIZON" as const }
        : { ShardIteratorType: "AFTER_SEQUENCE_NUMBER" as const, StartingSequenceNumber: this.#lastSequence };
    const answer = await this.#kinesis.send(
      new GetShardIteratorCommand({ StreamName: this.#stream, ShardId: this.#shardId, ...position }),
      { abortSignal: callDeadline() },
    );
    if (answer.ShardIterator === undefined) throw new Error(`no iterator for ${this.#stream} ${this.#shardId}`);
    return answer.ShardIterator;
  }

  #learnSize(records: readonly ShardRecord[]): void {
    const average = records.reduce((sum, record) => sum + record.data.length, 0) / records.length;
    const before = this.#averageBytes ?? average;
    // A larger average counts immediately. A smaller average is approached step by step.
    this.#averageBytes = Math.max(1, average > before ? average : before + (average - before) * SIZE_MEMORY);
  }
}

function toShardRecord(record: _Record): ShardRecord {
  return {
    sequence: record.SequenceNumber ?? "",
    partitionKey: record.PartitionKey ?? "",
    data: record.Data ?? new Uint8Array(),
    arrivalMs: record.ApproximateArrivalTimestamp?.getTime() ?? Date.now(),
  };
}
