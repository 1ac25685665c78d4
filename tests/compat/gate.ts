// A proxy in front of the pipeline. It forwards every request, remembers which messages a library sent and which of them were
// acknowledged, and spoils the first answers on request. A spoiled answer is an answer that the edge itself could give
// (docs/API_DOCUMENTATION.md#answers).

import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from "node:http";
import { gunzipSync } from "node:zlib";
import { ERRORS, type ErrorCode, EVENT_TYPES, errorBody } from "@behaviour/contract";

export interface Fault {
  code: ErrorCode & ("unavailable" | "rate_limited" | "overloaded");
  /** The pipeline stores the events anyway and only the answer is lost. The library sends them again as duplicates. */
  stored: boolean;
}

export interface SeenRequest {
  path: string;
  status: number;
  headers: IncomingHttpHeaders;
  /** The message ids of the events in the body. */
  messageIds: string[];
  types: string[];
}

const PREFLIGHT = "OPTIONS";
/** Names of the paths for single events: the whole name or its first letter. */
const TYPE_OF_PATH = new Map(EVENT_TYPES.flatMap((type) => [type, type.charAt(0)].map((name) => [name, type])));

export class Gate {
  readonly requests: SeenRequest[] = [];
  readonly preflights: string[] = [];
  readonly url: string;
  readonly #faults: Fault[];
  readonly #target: URL;
  readonly #server;

  private constructor(server: ReturnType<typeof createServer>, url: string, target: string, faults: readonly Fault[]) {
    this.#server = server;
    this.url = url;
    this.#target = new URL(target);
    this.#faults = [...faults];
    server.on("request", (incoming, outgoing) => {
      this.#answer(incoming, outgoing).catch(() => incoming.socket.destroy());
    });
  }

  static async open(target: string, faults: readonly Fault[]): Promise<Gate> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    return new Gate(server, `http://localhost:${port}`, target, faults);
  }

  get sent(): Set<string> {
    return new Set(this.requests.flatMap(({ messageIds }) => messageIds));
  }

  get acknowledged(): Set<string> {
    return new Set(this.requests.filter(({ status }) => status === 200).flatMap(({ messageIds }) => messageIds));
  }

  /** The types of the acknowledged messages, each type once. */
  get acknowledgedTypes(): Set<string> {
    return new Set(this.requests.filter(({ status }) => status === 200).flatMap(({ types }) => types));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const path = incoming.url ?? "/";
    if (incoming.method === PREFLIGHT) this.preflights.push(path);
    const events = incoming.method === "POST" ? readEvents(path, body, incoming.headers) : [];
    const fault = events.length > 0 ? this.#faults.shift() : undefined;
    const passed = fault === undefined || fault.stored ? await this.#pass(incoming, body) : null;
    const status = fault === undefined ? (passed?.status ?? 502) : ERRORS[fault.code].status;
    if (events.length > 0) {
      const messageIds = events.map(({ messageId }) => messageId);
      const types = events.map(({ type }) => type);
      this.requests.push({ path, status, headers: incoming.headers, messageIds, types });
    }
    if (fault !== undefined) return refuse(outgoing, fault);
    outgoing.writeHead(status, passed?.headers);
    outgoing.end(passed?.body);
  }

  async #pass(incoming: IncomingMessage, body: Buffer) {
    const { hostname, port } = this.#target;
    // The library's own Host header. The settings must name the address through which the library came.
    const { method, url, headers } = incoming;
    const forwarded = request({ host: hostname, port, method, path: url, headers });
    forwarded.end(body);
    const [answer] = (await once(forwarded, "response")) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    return { status: answer.statusCode ?? 502, headers: answer.headers, body: Buffer.concat(chunks) };
  }
}

function refuse(outgoing: ServerResponse, { code }: Fault): void {
  outgoing.writeHead(ERRORS[code].status, {
    "Content-Type": "application/json; charset=utf-8",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Retry-After, X-Request-Id",
    "Retry-After": "1",
  });
  outgoing.end(JSON.stringify(errorBody(code, "injected")));
}

interface SeenEvent {
  messageId: string;
  type: string;
}

function readEvents(path: string, body: Buffer, headers: IncomingHttpHeaders): SeenEvent[] {
  const text = (headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString("utf8");
  const parsed = JSON.parse(text) as Record<string, unknown>;
  const items = (Array.isArray(parsed.batch) ? parsed.batch : [parsed]) as Record<string, unknown>[];
  const pathType = TYPE_OF_PATH.get(path.replace(/\/$/, "").split("/").at(-1) ?? "");
  // Client metrics are posted to /m. They are not events.
  return items.flatMap(({ messageId, type }) =>
    typeof messageId === "string" ? [{ messageId, type: typeof type === "string" ? type : (pathType ?? "") }] : [],
  );
}
