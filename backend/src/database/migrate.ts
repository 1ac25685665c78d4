// Brings a database to the newest schema: the tables, then what only TimescaleDB has. Run by one migrator (the start on
// one machine, a deployment step on AWS), never by each Lambda.

import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate as runMigrations } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";

const MIGRATIONS_FOLDER = fileURLToPath(new URL("../../migrations", import.meta.url));
/** Any fixed number: whoever holds this advisory lock migrates, others wait for it. */
const MIGRATOR_LOCK = 7_206_814_133;

/**
 * Idempotent, and safe after an interruption: all pending migrations are one transaction, recorded with it.
 * @throws when the database can't be reached, has no TimescaleDB, or the user may not create tables.
 */
export async function migrateDatabase(databaseUrl: string): Promise<void> {
  // One connection: the lock belongs to the session, and the embedded database has only one.
  const client = postgres(databaseUrl, { max: 1, onnotice: () => {}, connect_timeout: 30 });
  try {
    await client`select pg_advisory_lock(${MIGRATOR_LOCK}::bigint)`;
    // Not part of a migration: it changes how the session plans, which a transaction under way would not see.
    await client`create extension if not exists timescaledb`;
    await runMigrations(drizzle(client), { migrationsFolder: MIGRATIONS_FOLDER });
    await client`select pg_advisory_unlock(${MIGRATOR_LOCK}::bigint)`;
  } finally {
    await client.end({ timeout: 5 });
  }
}
