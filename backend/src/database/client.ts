// Connections to the warm tier's and the control plane's Postgres. Two clients, because `drizzle()` changes the
// serializers of the one it is given: a `Date` in a raw query of that client throws afterwards.

import { LIMITS } from "@behaviour/contract";
import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import postgres, { type Sql } from "postgres";
import { type Config, required } from "../config.ts";

export type { Sql } from "postgres";

/** Queries through Drizzle's tables; `$client.end()` closes it. */
export type Database = PostgresJsDatabase & { $client: Sql };

const CONNECT_TIMEOUT_SECONDS = 10;
/** A pooled connection outlives an idle Lambda's freeze badly; it is opened anew after this. */
const IDLE_TIMEOUT_SECONDS = 60;

/** How this pipeline talks to a database, whoever asks. @param connections the most that are opened at once */
export function connect(databaseUrl: string, connections: number): Sql {
  return postgres(databaseUrl, {
    max: connections,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    idle_timeout: IDLE_TIMEOUT_SECONDS,
    // Notices ("relation exists, skipping") would go to the console, past the logger.
    onnotice: () => {},
    // The server gives up when the caller has: the embedded build ignores this setting.
    connection: { application_name: "behaviour", statement_timeout: LIMITS.callDeadlineMs },
  });
}

/** For raw SQL. @throws Error that names DATABASE_URL when it is not set. */
export function sqlClient(config: Config): Sql {
  return connect(required(config.databaseUrl, "DATABASE_URL"), config.databaseConnections);
}

/** For Drizzle, on a client of its own. @throws Error that names DATABASE_URL when it is not set. */
export function databaseClient(config: Config): Database {
  return drizzle(sqlClient(config));
}
