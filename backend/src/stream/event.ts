// The shapes Lambda hands to a stream consumer and takes back. Ours, because only these few fields are relied on.

export interface StreamRecord {
  /** `<shardId>:<sequenceNumber>` */
  eventID: string;
  eventSourceARN: string;
  kinesis: {
    partitionKey: string;
    sequenceNumber: string;
    /** Base64 of the record's data: a frame. */
    data: string;
    /** Epoch seconds, with a fraction. */
    approximateArrivalTimestamp: number;
  };
}

export interface StreamEvent {
  Records: StreamRecord[];
}

/** The lowest sequence number named is where the mapping resumes; none named: the whole batch is done. */
export interface StreamAnswer {
  batchItemFailures: { itemIdentifier: string }[];
}

export interface LambdaContext {
  functionName: string;
  awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

export type StreamHandler = (event: StreamEvent, context: LambdaContext) => Promise<StreamAnswer>;

/** Of a stream, and of an enhanced fan-out consumer of one: `arn:aws:kinesis:<region>:<account>:stream/<name>[/consumer/…]`. */
const STREAM_ARN = /^arn:[^:]*:kinesis:([^:]*):([^:]*):stream\/([^/]+)/;

/**
 * Names the shard apart from every other stream's, because checkpoints are kept under it in stores that several regions'
 * consumers share: `<region>.<account>.<stream>.<shardId>`. Fit for keys of objects and items. A stream that is made anew
 * under its name goes on under the same one: sequence numbers grow with the time a shard was made. All records of one
 * invocation come from one shard.
 * @throws for a record of anything but a stream.
 */
export function shardOf({ eventID, eventSourceARN }: StreamRecord): string {
  const [, region, account, stream] = STREAM_ARN.exec(eventSourceARN) ?? [];
  if (stream === undefined) throw new Error(`not a stream: ${eventSourceARN}`);
  return `${region}.${account}.${stream}.${eventID.slice(0, eventID.lastIndexOf(":"))}`;
}
