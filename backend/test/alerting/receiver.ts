// Runs a webhook's receiver: a real HTTPS server on loopback, and a transport to it that replaces the internet.

import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { httpsTransport, type PostOptions } from "../../src/outbound/post.ts";
import { CERTIFICATE, HOSTNAME, KEY } from "./certificate.ts";

/** The address of a public web server, to which the receiver's name resolves in tests. */
export const PUBLIC_ADDRESS = "93.184.215.14";

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Receiver {
  url: string;
  received: Received[];
  /** The addresses of the requested connections. */
  connectedTo: string[];
  /** Answers the next requests; with 204 by default. */
  answer: (response: ServerResponse) => void;
  options: PostOptions;
  stop(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const server = createServer({ key: KEY, cert: CERTIFICATE }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      receiver.received.push({
        path: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      });
      receiver.answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `https://${HOSTNAME}/hook?a=1`,
    received: [],
    connectedTo: [],
    answer: (response) => response.writeHead(204).end(),
    options: {
      deadlineMs: 3_000,
      resolve: async () => [PUBLIC_ADDRESS],
      transport: (pinned) => {
        receiver.connectedTo.push(pinned.address);
        return httpsTransport({ ...pinned, address: "127.0.0.1", port, ca: CERTIFICATE });
      },
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}
