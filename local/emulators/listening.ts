// The part that all embedded services share: an HTTP server on loopback with an endpoint and a way to stop it.

import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface ListeningPart {
  /** `http://127.0.0.1:<port>` */
  endpoint: string;
  stop(): Promise<void>;
}

/** @throws the system's error if the port is taken. */
export async function listenOnLoopback(server: Server, port: number): Promise<string> {
  // Clients keep idle connections open. If the server closes an idle connection first, the client's next request fails with
  // ECONNRESET.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export async function closeServer(server: Server): Promise<void> {
  server.closeIdleConnections();
  const forced = setTimeout(() => server.closeAllConnections(), 1_000);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearTimeout(forced);
}
