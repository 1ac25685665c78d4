// A stream as any consumer sees it: every record, once, from the beginning.

import {
  GetRecordsCommand,
  type GetRecordsCommandOutput,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
} from "@aws-sdk/client-kinesis";
import { STREAMS } from "@behaviour/contract";
import { NodeHttpHandler } from "@smithy/node-http-handler";

export interface StreamRecord {
  partitionKey: string;
  data: Uint8Array;
  sequenceNumber: string;
}

/** A page is decoded and kept in memory as a whole. */
const RECORDS_PER_CALL = 100;

/** Continues where it stopped: each call returns the records since the previous call. */
export class StreamReader {
  readonly #kinesis: KinesisClient;
  readonly #stream: string;
  /** The next iterator of each shard. */
  readonly #iterators = new Map<string, string>();

  constructor(endpoint: string, stream: string = STREAMS.raw) {
    this.#stream = stream;
    this.#kinesis = new KinesisClient({
      region: "us-east-1",
      endpoint,
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
      requestHandler: new NodeHttpHandler(),
    });
  }

  async *readOn(): AsyncGenerator<StreamRecord> {
    const { Shards = [] } = await this.#kinesis.send(new ListShardsCommand({ StreamName: this.#stream }));
    for (const { ShardId } of Shards) yield* this.#readShard(ShardId as string);
  }

  async *#readShard(shardId: string): AsyncGenerator<StreamRecord> {
    let iterator: string | undefined = this.#iterators.get(shardId) ?? (await this.#begin(shardId));
    for (let more = true; more && iterator !== undefined; ) {
      const page: GetRecordsCommandOutput = await this.#kinesis.send(
        new GetRecordsCommand({ ShardIterator: iterator, Limit: RECORDS_PER_CALL }),
      );
      iterator = page.NextShardIterator;
      if (iterator !== undefined) this.#iterators.set(shardId, iterator);
      for (const { PartitionKey = "", Data = new Uint8Array(), SequenceNumber = "" } of page.Records ?? [])
        yield { partitionKey: PartitionKey, data: Data, sequenceNumber: SequenceNumber };
      more = (page.Records?.length ?? 0) > 0;
    }
  }

  async #begin(shardId: string): Promise<string | undefined> {
    const { ShardIterator } = await this.#kinesis.send(
      new GetShardIteratorCommand({
        StreamName: this.#stream,
        ShardId: shardId,
        ShardIteratorType: "TRIM_HORIZON",
      }),
    );
    return ShardIterator;
  }

  close(): void {
    this.#kinesis.destroy();
  }
}
