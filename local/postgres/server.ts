// A small Postgres server on loopback in front of the embedded database. It accepts any login, so it must never listen on another
// interface.
//
// The engine's stack is small: a jsonb value nested several hundred levels deep ends the engine. Values of this repository are
// far below that (contract: depth 16). A hand-written query that does reach this depth costs a restart of the process. The data
// are as safe as after any other crash.

import { type AddressInfo, createServer } from "node:net";
import { Connection } from "./connection.ts";
import { openDatabase } from "./database.ts";
import { BackgroundJobs } from "./jobs.ts";
import { Session } from "./session.ts";

const HOST = "127.0.0.1";

export interface PostgresOptions {
  /** Folder of the database's files. In memory when absent. */
  dataDir?: string;
  /** A free port is chosen when absent. */
  port?: number;
  /** Called once when the engine itself has failed. Every connection has been closed by then. */
  onBroken?: (fault: unknown) => void;
  /** Called with each problem of a background job and with each statement that made all connections wait. */
  report?: (problem: string) => void;
  idleInTransactionMs?: number;
  /** Interval between checks for due background jobs. */
  jobIntervalMs?: number;
}

export interface PostgresPart {
  /** `postgres://postgres@127.0.0.1:<port>/postgres` */
  url: string;
  stop(): Promise<void>;
}

/** @throws the system's error if the port is taken, or the engine's error if the files cannot be opened. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresPart> {
  const database = await openDatabase(options.dataDir);
  const connections = new Map<number, Connection>();
  const shutDownAll = () => {
    for (const connection of connections.values()) connection.shutDown();
  };
  const report = options.report ?? (() => undefined);
  const onBroken = (fault: unknown) => {
    server.close();
    shutDownAll();
    options.onBroken?.(fault);
  };
  const session = new Session(database, { onBroken, report }, options.idleInTransactionMs);
  const { rows } = await database.query<{ server_version: string }>("SHOW server_version");
  const clients = {
    serverVersion: rows[0]?.server_version ?? "17",
    cancel(processId: number, secret: number) {
      const connection = connections.get(processId);
      if (connection?.secret === secret) connection.cancelWaiting();
    },
    closed(connection: Connection) {
      connections.delete(connection.processId);
    },
  };

  let lastProcessId = 0;
  const server = createServer((socket) => {
    lastProcessId++;
    connections.set(lastProcessId, new Connection(lastProcessId, socket, session, clients));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, HOST, resolve);
  });
  const jobs = new BackgroundJobs(session, report, options.jobIntervalMs);

  return {
    url: `postgres://postgres@${HOST}:${(server.address() as AddressInfo).port}/postgres`,
    async stop() {
      jobs.stop();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      shutDownAll();
      await closed;
      session.end();
      await database.close();
    },
  };
}
