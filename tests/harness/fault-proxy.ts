// A proxy in front of an emulator that can fail in the ways in which networks and services fail. It has one mode at a time, and
// the mode can change while it runs.

import { once } from "node:events";
import { type Agent, createServer, request, type Server } from "node:http";

export type FaultMode =
  /** Every request passes. */
  | "pass"
  /** The connection is closed before a byte reaches the service. */
  | "refuse"
  /** The service does the work, and the connection is closed before the answer. */
  | "commitThenReset"
  /** 500, and the request does not reach the service. */
  | "serverError"
  /** Never answers. */
  | "hang";

export class FaultProxy {
  mode: FaultMode = "pass";
  /** Share of the requests (0 to 1) to which the mode applies. */
  share = 1;
  passed = 0;
  failed = 0;
  readonly #server: Server;
  readonly url: string;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async start(target: string): Promise<FaultProxy> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const proxy = new FaultProxy(server, `http://127.0.0.1:${port}`);
    proxy.#forwardTo(new URL(target));
    return proxy;
  }

  #forwardTo(target: URL, agent?: Agent): void {
    this.#server.on("request", (incoming, outgoing) => {
      const mode = Math.random() < this.share ? this.mode : "pass";
      if (mode !== "pass") this.failed++;
      incoming.on("error", () => {});
      if (mode === "refuse") return void incoming.socket.destroy();
      if (mode === "hang") return void incoming.resume();
      if (mode === "serverError") {
        incoming.resume();
        outgoing.writeHead(500, { "Content-Type": "application/x-amz-json-1.1" });
        return void outgoing.end('{"__type":"InternalFailure"}');
      }
      // The service gets the address that it signs for, because the client signed the proxy's address.
      const forwarded = request(
        {
          host: target.hostname,
          port: target.port,
          method: incoming.method,
          path: incoming.url,
          headers: incoming.headers,
          agent,
        },
        (answer) => {
          if (mode === "commitThenReset") {
            answer.resume();
            answer.on("end", () => incoming.socket.destroy());
            return;
          }
          this.passed++;
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        },
      );
      forwarded.on("error", () => incoming.socket.destroy());
      incoming.pipe(forwarded);
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
