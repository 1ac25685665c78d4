// What can go wrong between a shard and its stream, as data: a test tells the proxy, the proxy does it. Shared by both sides.

/** `times` calls are treated so; the default is one. */
export type Fault = { times?: number } & (
  | { kind: "pass" }
  /** Record by record, the mask repeated over the call; those that are false get `error` and do not arrive. */
  | { kind: "mask"; stored: boolean[]; error: string }
  /** Everything arrives, then the connection is cut before the answer. */
  | { kind: "commit_then_reset" }
  | { kind: "reset" }
  | { kind: "hang" }
  /** Everything arrives, so much later; there is no answer. */
  | { kind: "late"; afterMs: number }
  /** Everything arrives; the results come in the opposite order. */
  | { kind: "shuffled" }
  /** Everything arrives; the answer's head comes, its body never ends. */
  | { kind: "trickle" }
  | { kind: "status"; status: number; type: string }
  /** Status 200 with this text; `commit`: everything arrives all the same. */
  | { kind: "answer"; text: string; commit: boolean }
);

export interface ArrivedRecord {
  partitionKey: string;
  /** Base64. */
  data: string;
  sequenceNumber: string;
}

export interface StreamState {
  /** In the order of arrival. */
  arrived: ArrivedRecord[];
  /** PutRecords calls, failed ones included. */
  calls: number;
}

/** Project of a record, by its partition key (`<project>:<region>:<index>/…`): what keeps tests apart. */
export function projectOf(partitionKey: string): string {
  return partitionKey.slice(0, partitionKey.indexOf(":"));
}
