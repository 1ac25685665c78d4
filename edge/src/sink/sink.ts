// Defines a sink, which contains no policy. The shard's flush policy above it decides where a record goes, when it is retried,
// and when to fail over.

export interface SinkRecord {
  /** The same for every attempt at a row, so that duplicates leave one stream shard in order. */
  partitionKey: string;
  data: Uint8Array;
}

/** `stored`: the stream has the record. `refused`: the stream does not have it. `unknown`: the stream may have it. */
export type RecordOutcome = "stored" | "refused" | "unknown";

export interface Sink {
  readonly maxRecords: number;
  readonly maxBytes: number;
  /**
   * Returns one outcome per record, in order. Never throws, never reports `stored` without the stream's own answer for that
   * record, and ends within the call deadline.
   */
  put(records: readonly SinkRecord[]): Promise<{ outcomes: RecordOutcome[]; fault: string | null }>;
}
