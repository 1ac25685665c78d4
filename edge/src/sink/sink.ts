// What a sink is: mechanism only. Who goes where, when again, and failing over is the shard's flush policy, above it.

export interface SinkRecord {
  /** The same for every try of the same row, so that copies come out of one stream shard, in order. */
  partitionKey: string;
  data: Uint8Array;
}

/** `stored`: the stream has it. `refused`: it does not. `unknown`: it may have it. */
export type RecordOutcome = "stored" | "refused" | "unknown";

export interface Sink {
  readonly maxRecords: number;
  readonly maxBytes: number;
  /**
   * One outcome a record, in order. Never throws, never claims `stored` without the stream's own word for that record,
   * and ends within the call deadline.
   */
  put(records: readonly SinkRecord[]): Promise<{ outcomes: RecordOutcome[]; fault: string | null }>;
}
