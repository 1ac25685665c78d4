// The checks behind `npm run check`, in the order in which they run. Checks that are quick and can fix their findings come first.
// Each check is a value: what it checks, how it runs, and how its findings are fixed.

import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type CommandResult, ROOT, runCommand } from "../run-command.ts";
import { judgeCommits, readCommits } from "./commits.ts";
import { judgeRepository } from "./repository.ts";
import { judgeStructure } from "./structure.ts";

export interface CheckOutcome {
  ok: boolean;
  /** A description of the findings for a person. Empty when there are no findings. */
  report: string;
}

export interface Check {
  name: string;
  /** One line for `--help`. */
  about: string;
  run(): Promise<CheckOutcome>;
  /** Fixes the findings that a program can fix, before `run`. */
  fix?(): Promise<void>;
  /** How a person fixes the findings. */
  remedy: string;
}

const DEADLINE_MS = 5 * 60_000;
const FIXABLE = "npm run check -- --fix";

/** Every TypeScript project in the workspace: one per folder, except where one folder holds code for two runtimes. */
const TYPE_PROJECTS = [
  "contract",
  "backend",
  "edge",
  "edge/test/http",
  "openapi",
  "local",
  "web",
  "sdk/javascript",
  "scripts",
  "docs",
  "tests",
];

export const CHECKS: readonly Check[] = [
  {
    name: "format",
    about: "biome: format and order of imports",
    run: () => command("biome", ["ci", "--linter-enabled=false", "--colors=off", "--max-diagnostics=50", "."]),
    fix: async () => {
      await command("biome", ["check", "--write", "--linter-enabled=false", "--colors=off", "."]);
    },
    remedy: FIXABLE,
  },
  {
    name: "lint",
    about: "oxlint with types: floating promises, unsafe values, cycles, accessibility (.oxlintrc.json)",
    run: () => command("oxlint", ["--type-aware", "--deny-warnings", "--report-unused-disable-directives"]),
    fix: async () => {
      await command("oxlint", ["--type-aware", "--fix"]);
    },
    remedy: `${FIXABLE} fixes some findings; the other findings name their rule`,
  },
  {
    name: "types",
    about: `tsc: ${TYPE_PROJECTS.join(", ")}`,
    run: checkTypes,
    remedy: "tsc -p <folder> --noEmit",
  },
  {
    name: "generated",
    about: "schemas, tables in documents and SDK limits match the contract",
    run: () => command("node", ["scripts/generate.ts", "--check"]),
    fix: async () => {
      await command("node", ["scripts/generate.ts"]);
    },
    remedy: `npm run generate, or ${FIXABLE}`,
  },
  {
    name: "migrations",
    about: "drizzle-kit: migrations agree with each other and with each schema.ts of backend/src",
    run: checkMigrations,
    remedy: "cd backend && npx drizzle-kit generate --name <what changes>, then read what it wrote",
  },
  {
    name: "wrangler",
    about:
      "wrangler.toml: no invocation logs, no second address, a CPU limit, migrations and secrets, in every environment",
    run: () => command("node", ["scripts/check/wrangler.ts"]),
    remedy: "see scripts/check/wrangler-rules.ts",
  },
  {
    name: "dead-code",
    about: "knip: files, exports and dependencies without a user (knip.json)",
    run: () => command("knip", ["--no-progress", "--treat-config-hints-as-errors"]),
    remedy: "delete it, or add it to knip.json if it is an entry point",
  },
  {
    name: "layers",
    about:
      "folders import one way (scripts/check/layers.ts), files in no circle, types included; an exported name is one thing",
    run: async () => {
      const findings = await judgeStructure();
      return { ok: findings.length === 0, report: findings.join("\n") };
    },
    remedy:
      "move the code that both import to a lower floor, or the code that imports both to a higher floor; rename one of two definitions",
  },
  {
    name: "commits",
    about: "messages: imperative, at most 72 characters, a body that says why",
    run: async () => {
      const commits = await readCommits();
      const findings = commits === null ? [] : judgeCommits(commits);
      return { ok: findings.length === 0, report: findings.join("\n") };
    },
    remedy: "git commit --amend, or git rebase -i for an older commit; CONTRIBUTING.md, Commits",
  },
  {
    name: "repository",
    about: "file sizes, forbidden names, paths of one machine, marks of unfinished work, links in documents",
    run: async () => {
      const findings = await judgeRepository();
      return { ok: findings.length === 0, report: findings.join("\n") };
    },
    remedy: "see CONTRIBUTING.md, Rules are programs",
  },
];

async function command(program: string, args: readonly string[], cwd?: string): Promise<CheckOutcome> {
  const options = { deadlineMs: DEADLINE_MS, output: "keep", env: { NO_COLOR: "1" } } as const;
  return toOutcome(await runCommand(program, args, cwd === undefined ? options : { ...options, cwd }));
}

function toOutcome({ exitCode, output, problem }: CommandResult): CheckOutcome {
  if (exitCode === 0) return { ok: true, report: "" };
  return { ok: false, report: [output.trim(), problem].filter(Boolean).join("\n") };
}

async function checkTypes(): Promise<CheckOutcome> {
  const outcomes = await Promise.all(
    TYPE_PROJECTS.map((project) => command("tsc", ["-p", project, "--noEmit", "--pretty", "false"])),
  );
  const reports = outcomes.filter(({ ok }) => !ok).map(({ report }) => report);
  return { ok: reports.length === 0, report: [...new Set(reports)].join("\n") };
}

/** Generates into a copy. A new file in the copy means that the schema changed without a migration. */
async function checkMigrations(): Promise<CheckOutcome> {
  const consistent = await command(
    "drizzle-kit",
    ["check", "--dialect", "postgresql", "--out", "./migrations"],
    "backend",
  );
  if (!consistent.ok) return consistent;
  const backend = join(ROOT, "backend");
  const copy = await mkdtemp(join(tmpdir(), "migrations-"));
  try {
    await cp(join(backend, "migrations"), copy, { recursive: true });
    const before = new Set(await readdir(copy));
    // drizzle-kit treats an absolute folder as a folder below its own folder.
    const out = relative(backend, copy);
    const schema = "./src/*/schema.ts";
    const generated = await command(
      "drizzle-kit",
      ["generate", "--dialect", "postgresql", "--schema", schema, "--out", out],
      "backend",
    );
    if (!generated.ok) return generated;
    const missing = (await readdir(copy)).filter((name) => !before.has(name));
    const report = missing.length === 0 ? "" : "a schema.ts of backend/src changed without a migration";
    return { ok: missing.length === 0, report };
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
