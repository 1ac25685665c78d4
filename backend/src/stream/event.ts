// Defines the input and output of a stream consumer on Lambda. The types are our own, because only these few fields are used.

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

/** The mapping resumes at the lowest sequence number in the list. An empty list: the whole batch is done. */
export interface StreamAnswer {
  batchItemFailures: { itemIdentifier: string }[];
}

export interface LambdaContext {
  functionName: string;
  awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

export type StreamHandler = (event: StreamEvent, context: LambdaContext) => Promise<StreamAnswer>;
