// Connects to the Postgres of the warm tier and the control plane. There are two clients, because `drizzle()` changes the
// serializers of its client: a `Date` in a raw query of that client throws afterwards.

import { LIMITS } from "@behaviour/contract";
import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import postgres, { type Sql } from "postgres";
import { type Config, required } from "../config.ts";

export type { Sql } from "postgres";

/** Queries through Drizzle's tables; `$client.end()` closes it. */
export type Database = PostgresJsDatabase & { $client: Sql };

const CONNECT_TIMEOUT_SECONDS = 10;
/** A pooled connection often does not survive the freeze of an idle Lambda, so it is reopened after this idle time. */
const IDLE_TIMEOUT_SECONDS = 60;

/** Applies the settings that every client of the pipeline uses. @param connections maximum number of open connections */
export function connect(databaseUrl: string, connections: number): Sql {
  return postgres(databaseUrl, {
    max: connections,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    idle_timeout: IDLE_TIMEOUT_SECONDS,
    // Notices ("relation exists, skipping") would bypass the logger and go to the console.
    onnotice: () => {},
    // The server cancels a statement once its caller has stopped waiting. The embedded build ignores this setting.
    connection: { application_name: "behaviour", statement_timeout: LIMITS.callDeadlineMs },
  });
}

/** A client for raw SQL. @throws Error that names DATABASE_URL when it is not set. */
export function sqlClient(config: Config): Sql {
  return connect(required(config.databaseUrl, "DATABASE_URL"), config.databaseConnections);
}

/** Drizzle on a separate client. @throws Error that names DATABASE_URL when it is not set. */
export function databaseClient(config: Config): Database {
  return drizzle(sqlClient(config));
}
