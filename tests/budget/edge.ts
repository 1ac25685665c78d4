// The production bundle in plain workerd, on which the budgets are measured. Its stream keeps nothing, and there is a key of each
// kind. The CPU time is the whole process's, objects and sockets included, and therefore more than Cloudflare would count for a
// request.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKey, hashKey } from "@behaviour/contract";
import { benchKeyRecord } from "../load/bench-key.ts";
import { Connection } from "../load/connection.ts";
import { bundleWorker, startEdge, type Workerd } from "../load/workerd.ts";
import { Inspector } from "./inspector.ts";

const MIB = 1_024 * 1_024;
const KIB_PER_MIB = 1_024;

/** Accepts every record and keeps none. */
async function startNullStream(): Promise<{ port: number; stop: () => void }> {
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const { Records } = JSON.parse(Buffer.concat(chunks).toString("latin1")) as { Records: unknown[] };
      const results = Records.map((_, index) => ({ SequenceNumber: String(index + 1), ShardId: "shardId-0" }));
      outgoing.end(JSON.stringify({ FailedRecordCount: 0, Records: results }));
    });
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, stop };
}

export interface BudgetOptions {
  /** Number of the project's shards (default 1). */
  shards?: number;
  v8Flags?: readonly string[];
  processGroup?: string | null;
  /** `GET /operations` returns the counted calls. */
  counted?: boolean;
  /** `isolateMemory` is available. */
  inspected?: boolean;
}

export class BudgetEdge {
  readonly pid: number;
  readonly port: number;
  readonly key: string;
  readonly #inspector: Inspector | null;
  readonly #stops: readonly (() => void)[];

  private constructor(
    { pid, port }: Workerd,
    key: string,
    inspector: Inspector | null,
    stops: readonly (() => void)[],
  ) {
    this.pid = pid;
    this.port = port;
    this.key = key;
    this.#inspector = inspector;
    this.#stops = stops;
  }

  static async start({ shards = 1, ...options }: BudgetOptions = {}): Promise<BudgetEdge> {
    const dir = mkdtempSync(join(tmpdir(), "behaviour-budget-"));
    const stream = await startNullStream();
    const key = generateKey("secret", "live");
    const edge = await startEdge({
      dir,
      bundle: await bundleWorker(dir),
      kinesisPort: stream.port,
      keyHash: hashKey(key),
      record: benchKeyRecord(shards, "secret"),
      ...options,
    });
    const remove = () => rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    const inspector = options.inspected === true ? await Inspector.open(edge.inspectorPort) : null;
    return new BudgetEdge(edge, key, inspector, [() => inspector?.close(), edge.stop, stream.stop, remove]);
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  connect(): Promise<Connection> {
    return Connection.open(this.port);
  }

  /** Returns the same connection while it is open. */
  reconnect(connection: Connection | null): Promise<Connection> {
    return connection?.isOpen === true ? Promise.resolve(connection) : this.connect();
  }

  request(path: string, body: Uint8Array, isGzip: boolean): Uint8Array {
    const head = [
      `POST ${path} HTTP/1.1`,
      "Host: edge.test",
      `Authorization: Bearer ${this.key}`,
      `Content-Length: ${body.byteLength}`,
      ...(isGzip ? ["Content-Encoding: gzip"] : []),
    ];
    return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
  }

  /** CPU time of all the process's threads since its start, as the scheduler counted it. */
  cpuMs(): number {
    let nanoseconds = 0;
    for (const thread of readdirSync(`/proc/${this.pid}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${this.pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    }
    return nanoseconds / 1e6;
  }

  /** The process's own memory, without pages of files. 0 when the process has ended. */
  anonymousMib(): number {
    return this.#statusMib("RssAnon");
  }

  /**
   * The memory that Cloudflare counts: V8's heap and the arrays beside it, of the Worker and its objects together.
   * @returns MiB
   */
  async isolateMib(): Promise<number> {
    if (this.#inspector === null) throw new Error("start the edge with `inspected`");
    return (await this.#inspector.heapBytes()) / MIB;
  }

  residentMib(): number {
    return this.#statusMib("VmRSS");
  }

  isAlive(): boolean {
    return this.residentMib() > 0;
  }

  #statusMib(field: string): number {
    try {
      const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
      return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) / KIB_PER_MIB;
    } catch {
      return 0;
    }
  }
}
