/** Runs a collector on a real socket. It records every request and sends the test's answers, in the contract's format. */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReceivedRequest {
  path: string;
  headers: IncomingHttpHeaders;
  bodyBytes: number;
  body: { batch: ReceivedEvent[]; sentAt: string; writeKey: string };
}

export interface ReceivedEvent {
  type: string;
  messageId: string;
  timestamp: string;
  event?: string;
  name?: string;
  userId?: string;
  anonymousId?: string;
  groupId?: string;
  previousId?: string;
  properties?: Record<string, unknown>;
  traits?: Record<string, unknown>;
  context: Record<string, unknown>;
}

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** The answer is sent only when this promise resolves. */
  after?: Promise<unknown>;
}

export class Collector {
  readonly requests: ReceivedRequest[] = [];
  /** Each request consumes one answer. When the list is empty, the answer is `accepted`. */
  readonly answers: (Answer | "disconnect")[] = [];
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const raw = Buffer.concat(chunks);
        const body = JSON.parse(raw.toString()) as ReceivedRequest["body"];
        this.requests.push({ path: request.url ?? "", headers: request.headers, bodyBytes: raw.length, body });
        void this.#answer(response, body.batch.length);
        for (const check of this.#waiting) check();
      });
    });
  }

  static async start(): Promise<Collector> {
    const collector = new Collector();
    await new Promise<void>((resolve) => collector.#server.listen(0, "127.0.0.1", resolve));
    return collector;
  }

  get host(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Every event received so far, duplicates included, in order of arrival. */
  get events(): ReceivedEvent[] {
    return this.requests.flatMap((request) => request.body.batch);
  }

  /** Resolves when `condition` holds. The condition is checked after every request. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (!condition()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(response: ServerResponse, eventCount: number): Promise<void> {
    const answer = this.answers.shift() ?? accepted(eventCount);
    if (answer === "disconnect") {
      response.socket?.destroy();
      return;
    }
    await answer.after;
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
    response.end(JSON.stringify(answer.body ?? accepted(eventCount).body));
  }
}

function accepted(eventCount: number): Answer {
  const counters = { accepted: eventCount, duplicates: 0, suppressed: 0, rejected: [], warnings: [] };
  return { status: 200, body: { success: true, ...counters } };
}

export function failure(status: number, code: string, headers: Record<string, string> = {}): Answer {
  const message = `answer for the test: ${code}`;
  return { status, headers, body: { success: false, code, message, error: message, request_id: "r1" } };
}
