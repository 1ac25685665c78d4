// `npm run check`: every property of the code that a program can check. It runs all checks, even after one has failed, and ends
// with a table. CI runs the same command.

import { parseArgs } from "node:util";
import { CHECKS, type Check, type CheckOutcome } from "./check/checks.ts";
import { formatDuration } from "./run-command.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const NAME_WIDTH = Math.max(...CHECKS.map(({ name }) => name.length));

interface Ran {
  check: Check;
  outcome: CheckOutcome;
  durationMs: number;
}

function usage(): string {
  const checks = CHECKS.map(({ name, about }) => `  ${name.padEnd(NAME_WIDTH)}  ${about}`).join("\n");
  return `Usage: npm run check -- [--fix] [--only <name>]…

  --fix          first fix what a program can fix
  --only <name>  run only this check; may be given several times
  --help         show this text

Checks:
${checks}
`;
}

async function run(check: Check, fix: boolean): Promise<Ran> {
  const startedMs = performance.now();
  let outcome: CheckOutcome;
  try {
    if (fix) await check.fix?.();
    outcome = await check.run();
  } catch (fault) {
    outcome = { ok: false, report: fault instanceof Error ? fault.message : String(fault) };
  }
  return { check, outcome, durationMs: performance.now() - startedMs };
}

function printFindings({ check, outcome }: Ran): void {
  console.log(`\n── ${check.name} ${"─".repeat(Math.max(4, 100 - check.name.length))}\n`);
  console.log(outcome.report === "" ? "failed without a message" : outcome.report);
  console.log(`\nhow to fix: ${check.remedy}`);
}

function tableLine({ check, outcome, durationMs }: Ran): string {
  return `  ${outcome.ok ? "✓" : "✗"} ${check.name.padEnd(NAME_WIDTH)}  ${formatDuration(durationMs).padStart(8)}`;
}

async function main(): Promise<number> {
  let options: { fix: boolean; only: string[]; help: boolean };
  try {
    const { values } = parseArgs({
      options: {
        fix: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    options = values;
  } catch (fault) {
    process.stderr.write(`${fault instanceof Error ? fault.message : String(fault)}\n\n${usage()}`);
    return EXIT_USAGE;
  }
  if (options.help) {
    process.stdout.write(usage());
    return 0;
  }
  const unknown = options.only.find((only) => !CHECKS.some(({ name }) => name === only));
  if (unknown !== undefined) {
    process.stderr.write(`There is no check "${unknown}".\n\n${usage()}`);
    return EXIT_USAGE;
  }
  const chosen = CHECKS.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  const ran: Ran[] = [];
  for (const check of chosen) {
    const result = await run(check, options.fix);
    ran.push(result);
    console.log(tableLine(result));
  }
  const failed = ran.filter(({ outcome }) => !outcome.ok);
  if (failed.length === 0) {
    console.log(`\n${ran.length} checks passed`);
    return 0;
  }
  for (const result of failed) printFindings(result);
  console.log(`\n${"─".repeat(106)}\n\n${ran.map(tableLine).join("\n")}\n`);
  console.log(`${failed.length} of ${ran.length} checks failed: ${failed.map(({ check }) => check.name).join(", ")}`);
  return EXIT_FAILED;
}

process.exitCode = await main();
