// Defines the faults between a shard and its stream as data. A test sends a fault to the proxy, and the proxy performs it. Both
// sides share this file.

/** The fault applies to `times` calls; the default is one call. */
export type Fault = { times?: number } & (
  | { kind: "pass" }
  /** The mask is repeated over the records of the call. Records with `false` get `error` and do not arrive. */
  | { kind: "mask"; stored: boolean[]; error: string }
  /** Everything arrives, then the connection is cut before the answer. */
  | { kind: "commit_then_reset" }
  | { kind: "reset" }
  | { kind: "hang" }
  /** Everything arrives `afterMs` later, and there is no answer. */
  | { kind: "late"; afterMs: number }
  /** Everything arrives, and the results are in reverse order. */
  | { kind: "shuffled" }
  /** Everything arrives. The head of the answer is sent, but its body never ends. */
  | { kind: "trickle" }
  | { kind: "status"; status: number; type: string }
  /** Status 200 with this text. With `commit` everything still arrives. */
  | { kind: "answer"; text: string; commit: boolean }
);

export interface ArrivedRecord {
  partitionKey: string;
  /** The data as Base64. */
  data: string;
  sequenceNumber: string;
}

export interface StreamState {
  /** The records in order of arrival. */
  arrived: ArrivedRecord[];
  /** PutRecords calls, failed ones included. */
  calls: number;
}

/** The project of a record, from its partition key (`<project>:<region>:<index>/…`). The project separates tests. */
export function projectOf(partitionKey: string): string {
  return partitionKey.slice(0, partitionKey.indexOf(":"));
}
