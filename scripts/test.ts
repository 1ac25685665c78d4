// `npm test`: builds what the tests need and runs every suite. The suites run one after the other, so two cores are enough. It
// needs nothing outside the lockfile: stores are embedded, and the browser comes from the registry. Its last line is the total.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildPages } from "./build-pages.ts";
import { formatDuration, runCommand } from "./run-command.ts";
import { addCounts, type Counts, countTests, summaryLine } from "./test/report.ts";
import { SUITES, type Suite } from "./test/suites.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const NAME_WIDTH = Math.max(...SUITES.map(({ name }) => name.length));

interface Options {
  only: string[];
  short: boolean;
  help: boolean;
}

interface Ran {
  suite: Suite;
  counts: Counts;
  durationMs: number;
  problem: string | null;
}

function usage(): string {
  const suites = SUITES.map(({ name, about }) => `  ${name.padEnd(NAME_WIDTH)}  ${about}`).join("\n");
  return `Usage: npm test -- [--only <suite>]… [--short]

  --only <suite>  run only this suite; may be given several times
  --short         skip the suites that start whole pipelines
  --help          show this text

Suites:
${suites}

One file or one test: cd <folder> && npx vitest run <file> -t <name>
`;
}

function readOptions(): Options | string {
  let options: Options;
  try {
    const { values } = parseArgs({
      options: {
        only: { type: "string", multiple: true, default: [] },
        short: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    options = values;
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault);
  }
  const unknown = options.only.find((only) => !SUITES.some(({ name }) => name === only));
  return unknown === undefined ? options : `There is no suite "${unknown}".`;
}

function choose({ only, short }: Options): Suite[] {
  if (only.length > 0) return SUITES.filter(({ name }) => only.includes(name));
  return SUITES.filter(({ isLong }) => !(short && isLong));
}

async function runSuite(suite: Suite, place: string, reportPath: string): Promise<Ran> {
  console.log(`\n── ${place} ${suite.name}: ${suite.about}\n`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportPath}`];
  const result = await runCommand("vitest", ["run", ...reporters], {
    cwd: suite.folder,
    deadlineMs: suite.deadlineMs,
    output: "show",
  });
  const counts = countTests(reportPath, result.exitCode);
  return { suite, counts, durationMs: result.durationMs, problem: result.problem };
}

/** @returns the build's own message when it fails. */
async function build(suites: readonly Suite[]): Promise<string | null> {
  if (!suites.some(({ needsPages }) => needsPages)) return null;
  console.log("building the SDK and the pages …");
  try {
    const built = await buildPages();
    console.log(built.length === 0 ? "up to date" : `built ${built.join(", ")}`);
    return null;
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault);
  }
}

function printTable(ran: readonly Ran[]): void {
  console.log(`\n${"─".repeat(80)}`);
  for (const { suite, counts, durationMs, problem } of ran) {
    const mark = counts.failed === 0 ? "✓" : "✗";
    const note = problem === null ? "" : `  (${problem})`;
    const duration = formatDuration(durationMs).padStart(12);
    console.log(`  ${mark} ${suite.name.padEnd(NAME_WIDTH)} ${duration}   ${summaryLine(counts)}${note}`);
  }
}

async function runAll(suites: readonly Suite[]): Promise<Ran[]> {
  const folder = mkdtempSync(join(tmpdir(), "test-reports-"));
  try {
    const ran: Ran[] = [];
    for (const [index, suite] of suites.entries()) {
      const place = `${index + 1}/${suites.length}`;
      ran.push(await runSuite(suite, place, join(folder, `${suite.name}.json`)));
    }
    return ran;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === "string") {
    process.stderr.write(`${options}\n\n${usage()}`);
    return EXIT_USAGE;
  }
  if (options.help) {
    process.stdout.write(usage());
    return 0;
  }
  const suites = choose(options);
  const buildProblem = await build(suites);
  // Suites that do not need the build can still run.
  const runnable = buildProblem === null ? suites : suites.filter(({ needsPages }) => !needsPages);
  if (buildProblem !== null) console.error(`\n${buildProblem}\n`);
  const ran = await runAll(runnable);
  printTable(ran);
  let sum: Counts = { passed: 0, failed: suites.length - runnable.length, skipped: 0 };
  for (const { counts } of ran) sum = addCounts(sum, counts);
  if (buildProblem !== null) console.log("  ✗ the build failed, so every suite that needs it failed too");
  console.log(`\n${summaryLine(sum)}`);
  return sum.failed === 0 ? 0 : EXIT_FAILED;
}

process.exitCode = await main();
