// An event-source mapping: finds the stream's shards and runs a consumer for each shard. The consumers of child shards start
// after the consumers of their parents.

import {
  DescribeStreamSummaryCommand,
  type KinesisClient,
  ListShardsCommand,
  type Shard,
} from "@aws-sdk/client-kinesis";
import type { S3Client } from "@aws-sdk/client-s3";
import { callDeadline } from "../../backend/src/aws.ts";
import type { StreamHandler } from "../../backend/src/stream/event.ts";
import { Checkpoints } from "./checkpoints.ts";
import { FunctionTimeout } from "./invoke.ts";
import type { Isolation } from "./isolation.ts";
import { pause } from "./pause.ts";
import type { MappingSettings } from "./settings.ts";
import { consumeShard } from "./shard-consumer.ts";
import { ShardReader } from "./shard-reader.ts";

const SHARD_LIST_INTERVAL_MS = 10_000;
const START_RETRY_MS = 1_000;

export interface MappingSurroundings {
  kinesis: KinesisClient;
  s3: S3Client;
  region: string;
  checkpointsFolder: string;
  /** All mappings of a process share one isolation. */
  isolation: Isolation;
  report(message: string, fields: Record<string, unknown>): void;
  /** The function never returned. Its process must end and be started again. */
  onTimeout(timeout: FunctionTimeout): void;
}

export class Mapping {
  readonly #settings: MappingSettings;
  readonly #handler: StreamHandler;
  readonly #around: MappingSurroundings;
  readonly #stop = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  #wake = new AbortController();
  #checkpoints: Checkpoints | undefined;
  #streamArn = "";
  readonly #main: Promise<void>;

  constructor(settings: MappingSettings, handler: StreamHandler, around: MappingSurroundings) {
    this.#settings = settings;
    this.#handler = handler;
    this.#around = around;
    this.#main = this.#run();
  }

  /** Ends after the invocations in progress. Their checkpoints are on disk then. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#main;
    await Promise.all(this.#running.values());
    await this.#checkpoints?.flush();
  }

  async #run(): Promise<void> {
    const stopping = this.#stop.signal;
    while (!stopping.aborted) {
      try {
        this.#wake = new AbortController();
        this.#checkpoints ??= await this.#openCheckpoints();
        await this.#startConsumers(this.#checkpoints);
        if (stopping.aborted) break;
        await pause(SHARD_LIST_INTERVAL_MS, this.#wake.signal);
      } catch (fault) {
        this.#around.report("shards not listed", { stream: this.#settings.stream, problem: nameOf(fault) });
        await pause(START_RETRY_MS, stopping);
      }
    }
  }

  async #openCheckpoints(): Promise<Checkpoints> {
    const { stream: StreamName, consumer } = this.#settings;
    const answer = await this.#around.kinesis.send(new DescribeStreamSummaryCommand({ StreamName }), {
      abortSignal: callDeadline(),
    });
    const createdMs = answer.StreamDescriptionSummary?.StreamCreationTimestamp?.getTime() ?? 0;
    this.#streamArn = arnOf(StreamName, this.#around.region, answer.StreamDescriptionSummary?.StreamARN, createdMs);
    return new Checkpoints(this.#around.checkpointsFolder, consumer, `${StreamName} ${createdMs}`);
  }

  async #startConsumers(checkpoints: Checkpoints): Promise<void> {
    const shards = await this.#listShards();
    const listed = new Set(shards.map((shard) => shard.ShardId as string));
    checkpoints.keepOnly(listed);
    const isRead = (shardId: string | undefined) =>
      shardId === undefined || !listed.has(shardId) || checkpoints.of(shardId).finished;
    for (const shard of shards) {
      const shardId = shard.ShardId as string;
      if (this.#running.has(shardId) || checkpoints.of(shardId).finished || this.#stop.signal.aborted) continue;
      if (!isRead(shard.ParentShardId) || !isRead(shard.AdjacentParentShardId)) continue;
      this.#running.set(shardId, this.#consume(shardId, checkpoints));
    }
  }

  async #consume(shardId: string, checkpoints: Checkpoints): Promise<void> {
    const { stream, consumer, functionTimeoutMs } = this.#settings;
    const { kinesis, s3, isolation, report } = this.#around;
    try {
      const end = await consumeShard({
        settings: this.#settings,
        invocation: {
          handler: this.#handler,
          functionName: consumer,
          stream,
          streamArn: this.#streamArn,
          shardId,
          timeoutMs: functionTimeoutMs,
        },
        reader: new ShardReader(kinesis, stream, shardId, checkpoints.of(shardId).sequence),
        checkpoints,
        isolation,
        s3,
        stopping: this.#stop.signal,
        report: (message, fields) => report(message, { consumer, ...fields }),
      });
      if (end === "ended") checkpoints.finish(shardId);
    } catch (fault) {
      // The next listing of the shards starts the consumer again.
      if (fault instanceof FunctionTimeout) this.#around.onTimeout(fault);
      else report("consumer ended", { consumer, shardId, problem: nameOf(fault) });
    }
    this.#running.delete(shardId);
    if (checkpoints.of(shardId).finished) this.#wake.abort(); // The child shards may start.
  }

  async #listShards(): Promise<Shard[]> {
    const shards: Shard[] = [];
    let NextToken: string | undefined;
    do {
      const answer = await this.#around.kinesis.send(
        new ListShardsCommand(NextToken === undefined ? { StreamName: this.#settings.stream } : { NextToken }),
        { abortSignal: callDeadline() },
      );
      shards.push(...(answer.Shards ?? []));
      NextToken = answer.NextToken;
    } while (NextToken !== undefined);
    return shards;
  }
}

/**
 * Every emulator uses the account 000000000000. Two emulators' streams of the same name would therefore look the same to
 * consumers that keep checkpoints by ARN. The stream's creation time takes the place of the account.
 */
export function arnOf(stream: string, region: string, arn: string | undefined, createdMs: number): string {
  const account = /^arn:[^:]*:kinesis:[^:]*:(\d{12}):/.exec(arn ?? "")?.[1];
  if (arn !== undefined && account !== undefined && !/^0+$/.test(account)) return arn;
  return `arn:aws:kinesis:${region}:${String(Math.floor(createdMs / 1_000)).padStart(12, "0")}:stream/${stream}`;
}

function nameOf(fault: unknown): string {
  return fault instanceof Error ? `${fault.name}: ${fault.message.slice(0, 200)}` : String(fault);
}
