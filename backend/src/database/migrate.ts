// Migrates a database to the newest schema: the tables, then the features that only TimescaleDB has. One migrator runs it (the
// start on one machine, a deployment step on AWS), never each Lambda.

import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate as runMigrations } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";

const MIGRATIONS_FOLDER = fileURLToPath(new URL("../../migrations", import.meta.url));
/** Any fixed number. The process that holds this advisory lock migrates, and other processes wait for the lock. */
const MIGRATOR_LOCK = 7_206_814_133;

/**
 * Idempotent, and safe after an interruption: all pending migrations and their records are one transaction.
 * @throws when the database can't be reached, has no TimescaleDB, or the user may not create tables.
 */
export async function migrateDatabase(databaseUrl: string): Promise<void> {
  // One connection, because the lock belongs to the session and the embedded database has only one session.
  const client = postgres(databaseUrl, { max: 1, onnotice: () => {}, connect_timeout: 30 });
  try {
    await client`select pg_advisory_lock(${MIGRATOR_LOCK}::bigint)`;
    // Not part of a migration: it changes how the session plans, and a transaction in progress would not see the change.
    await client`create extension if not exists timescaledb`;
    await runMigrations(drizzle(client), { migrationsFolder: MIGRATIONS_FOLDER });
    await client`select pg_advisory_unlock(${MIGRATOR_LOCK}::bigint)`;
  } finally {
    await client.end({ timeout: 5 });
  }
}
