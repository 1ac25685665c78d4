/// <reference path="../../../local/emulators/modules.d.ts" />
// Runs one region's stream in Node, as a real emulator with its own files that can be stopped and restarted.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeFrame, STREAMS } from "@behaviour/contract";
import { startKinesis } from "../../../local/emulators/kinesis.ts";
import { callKinesis } from "../servers/kinesis/proxy.ts";

const RECORDS_PER_CALL = 1_000;

export interface OnStream {
  /** How often each message occurs in records without a mark, and in records with a mark. */
  first: Map<string, number>;
  marked: Map<string, number>;
  /** How many of the messages without a mark were declared as retries by the client. */
  retried: Map<string, number>;
}

export class RegionStream {
  readonly #folder = mkdtempSync(join(tmpdir(), "behaviour-stream-"));
  #running: Awaited<ReturnType<typeof startKinesis>> | null = null;
  #port = 0;

  static async start(): Promise<RegionStream> {
    const stream = new RegionStream();
    await stream.up();
    await callKinesis(stream.endpoint, "CreateStream", { StreamName: STREAMS.raw, ShardCount: 2 });
    return stream;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts the emulator on the same port with its earlier data. */
  async up(): Promise<void> {
    this.#running ??= await startKinesis({ path: this.#folder, port: this.#port });
    this.#port = Number(new URL(this.#running.endpoint).port);
  }

  /** Stops the emulator, so that no process listens on the port. */
  async down(): Promise<void> {
    await this.#running?.stop();
    this.#running = null;
  }

  async remove(): Promise<void> {
    await this.down();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async read(): Promise<OnStream> {
    const found: OnStream = { first: new Map(), marked: new Map(), retried: new Map() };
    const { Shards } = await this.#call<{ Shards: { ShardId: string }[] }>("ListShards", { StreamName: STREAMS.raw });
    for (const { ShardId } of Shards) {
      for (const data of await this.#readShard(ShardId)) {
        const lines = [...decodeFrame(new Uint8Array(Buffer.from(data, "base64")))].map(({ value }) => value as Line);
        const into = lines.some(({ redelivery }) => redelivery === true) ? found.marked : found.first;
        for (const line of lines) {
          for (const id of messageIds(line)) {
            count(into, id);
            if (into === found.first && line.retry === true) count(found.retried, id);
          }
        }
      }
    }
    return found;
  }

  async #readShard(ShardId: string): Promise<string[]> {
    const from = { StreamName: STREAMS.raw, ShardId, ShardIteratorType: "TRIM_HORIZON" };
    let { ShardIterator } = await this.#call<{ ShardIterator: string | null }>("GetShardIterator", from);
    const datas: string[] = [];
    for (let more = true; more && ShardIterator; ) {
      const page: Page = await this.#call<Page>("GetRecords", { ShardIterator, Limit: RECORDS_PER_CALL });
      datas.push(...page.Records.map(({ Data }) => Data));
      ShardIterator = page.NextShardIterator;
      more = page.Records.length > 0;
    }
    return datas;
  }

  async #call<T>(operation: string, input: unknown): Promise<T> {
    const answer = await callKinesis(this.endpoint, operation, input);
    if (answer.status !== 200) throw new Error(`${operation}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }
}

interface Page {
  Records: { Data: string }[];
  NextShardIterator: string | null;
}

function count(into: Map<string, number>, id: string): void {
  into.set(id, (into.get(id) ?? 0) + 1);
}

interface Line {
  redelivery?: boolean;
  retry?: boolean;
  shape?: "batch" | "event";
  body?: { batch?: { messageId: string }[]; messageId?: string };
}

function messageIds({ shape, body }: Line): string[] {
  if (shape === "batch") return (body?.batch ?? []).map(({ messageId }) => messageId);
  return shape === "event" ? [String(body?.messageId)] : [];
}
