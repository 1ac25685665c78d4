// Runs a proxy in front of an emulated AWS store that answers like an overloaded service, or loses answers. A seed determines
// which requests are affected.

import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";

export type StoreFault =
  /** DynamoDB is above its capacity. The request is refused, and nothing is done. */
  | "throttled"
  /** S3 asks for a lower rate. The request is refused, and nothing is done. */
  | "slowDown"
  /** The request is done, and the connection is cut before the answer. */
  | "answerLost";

const REFUSALS: Record<Exclude<StoreFault, "answerLost">, { status: number; type: string; body: string }> = {
  throttled: {
    status: 400,
    type: "application/x-amz-json-1.0",
    body: '{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slower"}',
  },
  slowDown: {
    status: 503,
    type: "application/xml",
    body: "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
  },
};

const SDK_RETRIES = 2;

export class StoreFaults {
  fault: StoreFault | null = null;
  /** Share of the requests (0 to 1) that are affected. */
  share = 0;
  hit = 0;
  readonly url: string;
  readonly #server: Server;
  readonly #target: URL;
  readonly #random: () => number;

  private constructor(server: Server, target: string, random: () => number) {
    this.#server = server;
    this.#target = new URL(target);
    this.#random = random;
    this.url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    server.on("request", (incoming, answer) => this.#serve(incoming, answer));
  }

  static async start(target: string, random: () => number): Promise<StoreFaults> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new StoreFaults(server, target, random);
  }

  set(fault: StoreFault | null, share: number): void {
    this.fault = fault;
    this.share = share;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #serve(incoming: IncomingMessage, answer: ServerResponse): void {
    incoming.on("error", () => undefined); // The client disconnected.
    const fault = this.fault !== null && this.#random() < this.share ? this.fault : null;
    if (fault !== null) this.hit++;
    if (fault === "throttled" || fault === "slowDown") {
      const { status, type, body } = REFUSALS[fault];
      incoming.resume();
      answer.writeHead(status, { "Content-Type": type });
      answer.end(body);
      return;
    }
    const { hostname, port } = this.#target;
    const forwarded = request(
      { hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers },
      (done) => {
        if (fault === "answerLost") {
          done.resume();
          done.on("end", () => incoming.socket.destroy());
          return;
        }
        answer.writeHead(done.statusCode ?? 502, done.headers);
        done.pipe(answer);
      },
    );
    forwarded.on("error", () => incoming.socket.destroy());
    incoming.pipe(forwarded);
  }
}

/** As many attempts as the SDK makes, but without its pauses. The pauses would cost seconds in each test. */
export function withoutPauses<C extends { config: object }>(client: C): C {
  const token = (count: number) => ({ getRetryCount: () => count, getRetryDelay: () => 1 });
  const strategy = {
    acquireInitialRetryToken: async () => token(0),
    refreshRetryTokenForRetry: async (last: { getRetryCount(): number }) => {
      if (last.getRetryCount() >= SDK_RETRIES) throw new Error("out of tries");
      return token(last.getRetryCount() + 1);
    },
    recordSuccess: () => undefined,
  };
  Object.assign(client.config, { retryStrategy: async () => strategy });
  return client;
}

/** Mulberry32: numbers from 0 to 1, with which a failing run can be reproduced. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
