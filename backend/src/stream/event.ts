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
