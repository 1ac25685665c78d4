// Runs `npm run pipeline -- <command>`: administration from a terminal, with the same functions as the API. Prints JSON, so
// that the output can be piped. All other text goes to stderr. Exit codes: 0 success, 1 failure, 2 usage error.

import type { Config } from "../config.ts";
import { type Database, databaseClient, type Sql, sqlClient } from "../database/client.ts";
import { type CommandParts, UsageError } from "../operation/command.ts";
import { type EdgePush, edgePush } from "../outbound/edge.ts";
import { COMMANDS } from "./commands.ts";
import { adoptCredentials, commandLineConfig } from "./environment.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

function usage(): string {
  const lines = Object.values(COMMANDS).map((command) => `  pipeline ${command.usage}`);
  return `Usage: npm run pipeline -- <command>\n\n${lines.join("\n")}\n
Times are RFC 3339 or epoch milliseconds. The installation is the one that \`npm start\` runs here, unless
DATABASE_URL, EDGE_URL and INTERNAL_SECRET (environment or .env) name another.\n`;
}

async function run(args: string[]): Promise<number> {
  if (args.length === 0 || args.includes("--help") || args.includes("-h")) {
    process.stdout.write(usage());
    return args.length === 0 ? EXIT_USAGE : 0;
  }
  // Most command names have two words, some have one.
  const words = COMMANDS[args.slice(0, 2).join(" ")] === undefined ? 1 : 2;
  const command = COMMANDS[args.slice(0, words).join(" ")];
  if (command === undefined) {
    process.stderr.write(`pipeline: there is no command "${args.slice(0, 2).join(" ")}"\n\n${usage()}`);
    return EXIT_USAGE;
  }
  const config = commandLineConfig();
  adoptCredentials();
  const parts = new Connections(config);
  try {
    const printed = await command.run(args.slice(words), parts);
    process.stdout.write(`${JSON.stringify(printed, null, 2)}\n`);
    return typeof process.exitCode === "number" ? process.exitCode : 0;
  } catch (error) {
    return explain(error, command.usage);
  } finally {
    await parts.close();
  }
}

/** Connects each client when it is first used, so that a command that needs no database runs without a database. */
class Connections implements CommandParts {
  readonly config: Config;
  readonly edge: EdgePush;
  readonly nowMs = Date.now;
  #database: Database | undefined;
  #sql: Sql | undefined;

  constructor(config: Config) {
    this.config = config;
    this.edge = edgePush(config, (reason) => process.stderr.write(`pipeline: ${reason}\n`));
  }

  get database(): Database {
    this.#database ??= databaseClient(this.#withDatabase());
    return this.#database;
  }

  get sql(): Sql {
    this.#sql ??= sqlClient(this.#withDatabase());
    return this.#sql;
  }

  async close(): Promise<void> {
    await Promise.all([this.#database?.$client.end({ timeout: 2 }), this.#sql?.end({ timeout: 2 })]);
  }

  #withDatabase(): Config {
    if (this.config.databaseUrl !== undefined) return this.config;
    throw new Error("no database: run `npm start` here first, or set DATABASE_URL");
  }
}

function explain(error: unknown, commandUsage: string): number {
  if (error instanceof UsageError) {
    process.stderr.write(`pipeline: ${error.message}\n\nUsage: pipeline ${commandUsage}\n`);
    return EXIT_USAGE;
  }
  // Drizzle's message contains the whole query with its values. The cause contains the actual error.
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  process.stderr.write(`pipeline: ${cause instanceof Error ? cause.message || cause.name : String(cause)}\n`);
  return EXIT_FAILED;
}

process.exitCode = await run(process.argv.slice(2)).catch((error: unknown) => explain(error, "--help"));
