// `npm run pipeline -- <command>`: projects and keys from a terminal, by the same functions as the admin API. Prints JSON, so
// that its output can be piped; everything else goes to stderr. Exit codes: 0 done, 1 failed, 2 called wrongly.

import { databaseClient, sqlClient } from "../database/client.ts";
import { COMMANDS, type CommandParts, UsageError } from "./commands.ts";
import { edgePush } from "./edge.ts";
import { commandLineConfig } from "./environment.ts";

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
  const command = COMMANDS[args.slice(0, 2).join(" ")];
  if (command === undefined) {
    process.stderr.write(`pipeline: there is no command "${args.slice(0, 2).join(" ")}"\n\n${usage()}`);
    return EXIT_USAGE;
  }
  const config = commandLineConfig();
  if (config.databaseUrl === undefined) {
    process.stderr.write("pipeline: no database: run `npm start` here first, or set DATABASE_URL\n");
    return EXIT_FAILED;
  }
  const database = databaseClient(config);
  const sql = sqlClient(config);
  const parts: CommandParts = {
    database,
    sql,
    edge: edgePush(config, (reason) => process.stderr.write(`pipeline: ${reason}\n`)),
  };
  try {
    const printed = await command.run(args.slice(2), parts);
    process.stdout.write(`${JSON.stringify(printed, null, 2)}\n`);
    return typeof process.exitCode === "number" ? process.exitCode : 0;
  } catch (error) {
    return explain(error, command.usage);
  } finally {
    await Promise.all([database.$client.end({ timeout: 2 }), sql.end({ timeout: 2 })]);
  }
}

function explain(error: unknown, commandUsage: string): number {
  if (error instanceof UsageError) {
    process.stderr.write(`pipeline: ${error.message}\n\nUsage: pipeline ${commandUsage}\n`);
    return EXIT_USAGE;
  }
  // Drizzle's message holds the whole query with its values; the cause says what went wrong.
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  process.stderr.write(`pipeline: ${cause instanceof Error ? cause.message || cause.name : String(cause)}\n`);
  return EXIT_FAILED;
}

process.exitCode = await run(process.argv.slice(2)).catch((error: unknown) => explain(error, "--help"));
