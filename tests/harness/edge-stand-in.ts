// Stands in for `cloudflare:workers` where the edge's own tests run over a whole pipeline: what they send to the Worker goes
// to the pipeline's door, keys they put go the control plane's way, and what they see of the stream is read from it.

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
/** Between two pieces of a large body. */
const LOOK_MS = 10;
/** Stands in those answers that may not have a body. */
const WITHOUT_BODY = new Set([204, 304]);

interface ArrivedRecord {
  partitionKey: string;
  /** Base64. */
  data: string;
  sequenceNumber: string;
}

class StandIn {
  /** Statuses of all answers, by how often. */
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

  /** @returns where the stream's state is told, as the edge's tests ask for it. */
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

  /** The request as it is, over a socket. Its address goes along: the local runtime shows it to the Worker. */
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
          // Bodies may be endless: whoever was answered writes no more.
          if (!sent.writableFinished) sent.destroy();
        });
      });
      if (request.body === null) sent.end();
      // Ends early when the answer comes early; what the exchange came to is told above.
      else writeBody(request.body, sent).catch(() => {});
    });
  }

  async #arrivedOf(project: string): Promise<ArrivedRecord[]> {
    // One reader at a time: each goes on where the one before stopped.
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
 * A client that looks for an answer while it writes: one that comes early ends the body, however much of it is left. Whoever
 * writes less than it declared hangs up.
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

/** All that is sent from now on goes to this pipeline. */
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
