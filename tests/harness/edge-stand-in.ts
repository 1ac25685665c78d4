// Replaces `cloudflare:workers` where the edge's own tests run over a whole pipeline. Requests to the Worker go to the pipeline's
// address. Keys are written through the control plane. The tests' view of the stream is read from the stream.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, type ClientRequest, createServer, request as httpRequest, type Server } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as WebReadableStream } from "node:stream/web";
import { setTimeout } from "node:timers/promises";
import type { Pipeline } from "./pipeline.ts";
import { StreamReader } from "./stream-reader.ts";

const AT_ONCE = 32;
const PIECE_BYTES = 256 * 1_024;
/** Pause between two pieces of a large body. */
const LOOK_MS = 10;
/** Statuses of answers that may not have a body. */
const WITHOUT_BODY = new Set([204, 304]);

interface ArrivedRecord {
  partitionKey: string;
  /** In Base64. */
  data: string;
  sequenceNumber: string;
}

class StandIn {
  /** The number of answers by status. */
  readonly statuses = new Map<number, number>();
  readonly #pipeline: Pipeline;
  readonly #stream: StreamReader;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  readonly #arrived: ArrivedRecord[] = [];
  readonly #door: Server;
  #reading: Promise<void> | null = null;

  constructor(pipeline: Pipeline) {
    this.#pipeline = pipeline;
    this.#stream = new StreamReader(pipeline.endpoints.kinesis);
    this.#door = createServer((request, response) => {
      const project = request.url?.split("/").at(-1) ?? "";
      this.#arrivedOf(project).then(
        (arrived) => response.end(JSON.stringify({ arrived, calls: 0 })),
        (fault: unknown) => response.writeHead(500).end(String(fault)),
      );
    });
  }

  /** @returns the address that reports the stream's state, as the edge's tests ask for it. */
  async open(): Promise<string> {
    this.#door.listen(0, "127.0.0.1");
    await once(this.#door, "listening");
    return `http://127.0.0.1:${(this.#door.address() as { port: number }).port}`;
  }

  close(): void {
    this.#door.closeAllConnections();
    this.#door.close();
    this.#stream.close();
    this.#agent.destroy();
  }

  async putKey(name: string, record: string): Promise<void> {
    const secrets = JSON.parse(readFileSync(join(this.#pipeline.dataDir, "secrets.json"), "utf8")) as {
      INTERNAL_SECRET: string;
    };
    const answer = await fetch(`${this.#pipeline.origin}/internal/keys`, {
      method: "POST",
      headers: { Authorization: `Bearer ${secrets.INTERNAL_SECRET}` },
      body: JSON.stringify({ records: [{ name, value: JSON.parse(record) as unknown }] }),
    });
    if (answer.status !== 200) throw new Error(`the key was not taken: ${answer.status} ${await answer.text()}`);
  }

  /**
   * Sends the request unchanged, over a socket. The caller's address is included, because the local runtime passes it to the
   * Worker.
   */
  async fetch(request: Request): Promise<Response> {
    const { status, headers, data } = await this.#exchange(request);
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    return new Response(WITHOUT_BODY.has(status) ? null : data, { status, headers });
  }

  #exchange(request: Request): Promise<{ status: number; headers: Headers; data: Uint8Array<ArrayBuffer> }> {
    const headers = { ...Object.fromEntries(request.headers), "mf-original-url": request.url };
    return new Promise((resolve, reject) => {
      const sent = httpRequest(this.#pipeline.origin, { method: request.method, headers, agent: this.#agent });
      sent.on("error", reject);
      sent.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("error", reject);
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const answered = new Headers();
          for (const [name, value] of Object.entries(response.headers)) answered.set(name, String(value));
          resolve({ status: response.statusCode ?? 0, headers: answered, data: new Uint8Array(Buffer.concat(chunks)) });
          // A body may be endless. After an answer nothing more is written.
          if (!sent.writableFinished) sent.destroy();
        });
      });
      if (request.body === null) sent.end();
      // Ends early when the answer comes early. The code above reports the result of the exchange.
      else writeBody(request.body, sent).catch(() => {});
    });
  }

  async #arrivedOf(project: string): Promise<ArrivedRecord[]> {
    // One read at a time. Each read continues where the previous read stopped.
    this.#reading ??= this.#readOn().finally(() => {
      this.#reading = null;
    });
    await this.#reading;
    return this.#arrived.filter(({ partitionKey }) => partitionKey.startsWith(`${project}:`));
  }

  async #readOn(): Promise<void> {
    for await (const { partitionKey, data, sequenceNumber } of this.#stream.readOn()) {
      this.#arrived.push({ partitionKey, data: Buffer.from(data).toString("base64"), sequenceNumber });
    }
  }
}

/**
 * A client that checks for an answer while it writes. An early answer ends the body, however much of it is left. A client that
 * writes fewer bytes than it declared closes the connection.
 */
async function writeBody(body: ReadableStream<Uint8Array>, sent: ClientRequest): Promise<void> {
  let answered = false;
  sent.once("response", () => {
    answered = true;
  });
  const declared = Number(sent.getHeader("content-length") ?? 0);
  let written = 0;
  await pipeline(
    Readable.fromWeb(body as WebReadableStream<Uint8Array>),
    async function* (chunks) {
      for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
        for (let at = 0; at < chunk.byteLength && !answered; at += PIECE_BYTES) {
          if (written > 0 && chunk.byteLength > PIECE_BYTES) await setTimeout(LOOK_MS);
          const piece = chunk.subarray(at, at + PIECE_BYTES);
          written += piece.byteLength;
          yield piece;
        }
        if (answered) return;
      }
      if (written < declared) throw new Error("hung up");
    },
    sent,
  );
}

let standIn: StandIn | null = null;

/** All later requests go to this pipeline. */
export async function standInFront(
  behind: Pipeline,
): Promise<{ statuses: ReadonlyMap<number, number>; close: () => void }> {
  standIn = new StandIn(behind);
  env.KINESIS_ENDPOINT = await standIn.open();
  return standIn;
}

function current(): StandIn {
  if (standIn === null) throw new Error("no pipeline stands behind the edge yet");
  return standIn;
}

export const env = {
  KEYS: { put: (name: string, record: string) => current().putKey(name, record) },
  KINESIS_ENDPOINT: "",
};

export const exports = { default: { fetch: (request: Request) => current().fetch(request) } };
