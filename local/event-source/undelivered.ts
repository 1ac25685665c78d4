// The failure destination: stores the batches that a mapping stopped retrying, with their payload, in the form that Lambda writes
// to S3.

import { PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { BUCKETS } from "@behaviour/contract";
import { callDeadline } from "../../backend/src/aws.ts";
import type { ShardRecord } from "./shard-reader.ts";

export interface UndeliveredBatch {
  consumer: string;
  streamArn: string;
  shardId: string;
  condition: "RetryAttemptsExhausted" | "RecordAgeExceeded";
  problem: string;
  records: readonly ShardRecord[];
}

/**
 * The key is derived from the batch, so writing the batch twice leaves one object.
 * @throws when S3 does not accept the object.
 */
export async function keepUndelivered(s3: S3Client, batch: UndeliveredBatch): Promise<void> {
  const first = batch.records[0] as ShardRecord;
  const last = batch.records.at(-1) as ShardRecord;
  const day = new Date(first.arrivalMs).toISOString().slice(0, 10).replaceAll("-", "/");
  const body = {
    requestContext: { functionArn: batch.consumer, condition: batch.condition, problem: batch.problem },
    version: "1.0",
    timestamp: new Date().toISOString(),
    KinesisBatchInfo: {
      shardId: batch.shardId,
      startSequenceNumber: first.sequence,
      endSequenceNumber: last.sequence,
      approximateArrivalOfFirstRecord: new Date(first.arrivalMs).toISOString(),
      approximateArrivalOfLastRecord: new Date(last.arrivalMs).toISOString(),
      batchSize: batch.records.length,
      streamArn: batch.streamArn,
    },
    payload: {
      Records: batch.records.map((record) => ({
        eventID: `${batch.shardId}:${record.sequence}`,
        eventSourceARN: batch.streamArn,
        kinesis: {
          partitionKey: record.partitionKey,
          sequenceNumber: record.sequence,
          data: Buffer.from(record.data).toString("base64"),
          approximateArrivalTimestamp: record.arrivalMs / 1_000,
        },
      })),
    },
  };
  const put = new PutObjectCommand({
    Bucket: BUCKETS.undelivered,
    Key: `${batch.consumer}/${batch.shardId}/${day}/${first.sequence}-${last.sequence}.json`,
    Body: JSON.stringify(body),
    ContentType: "application/json",
  });
  await s3.send(put, { abortSignal: callDeadline() });
}
