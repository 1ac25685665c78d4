// docs/LIMITS.md: the contract's three tables, and the bounds that a single folder keeps in its own files, read out of the sources.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { LIMITS, PLATFORM, TUNINGS } from "../contract/src/index.ts";
import { cell, quantity } from "./words.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The contract's tables: the file, what it is, its values. */
const TABLES = [
  ["limits.ts", "Bounds", "Beyond them the pipeline refuses, cuts or leaves out.", LIMITS],
  [
    "tunings.ts",
    "Tunings",
    "How the pipeline paces itself within its bounds. No client is refused by one of them.",
    TUNINGS,
  ],
  [
    "platform.ts",
    "The platform",
    "What Cloudflare and AWS allow. `contract/src/relations.ts` asserts what our bounds owe to it.",
    PLATFORM,
  ],
] as const;

export function limitsDocument(): string {
  return [
    "# Limits",
    "",
    "Generated from the sources by `npm run generate`. `docs/API_DOCUMENTATION.md` has the limits that a client meets, in its words.",
    "",
    ...TABLES.flatMap(([file, title, about, values]) => contractTable(file, title, about, values)),
    "## Bounds of a single folder",
    "",
    "Constants of `edge/src` and `backend/src` that bound a list, a text or a map and matter to one folder only.",
    "",
    ...localTables(),
  ].join("\n");
}

function contractTable(file: string, title: string, about: string, values: Record<string, number>): string[] {
  const reasons = reasonsIn(readFileSync(`${ROOT}contract/src/${file}`, "utf8"), /^ {2}(\w+): /);
  return [
    `## ${title}`,
    "",
    `\`contract/src/${file}\`. ${about}`,
    "",
    "| name | value | reason |",
    "| --- | --- | --- |",
    ...Object.entries(values).map(
      ([name, value]) => `| \`${name}\` | ${quantity(name, value)} | ${cell(reasons.get(name)?.reason ?? "")} |`,
    ),
    "",
  ];
}

/** Ends in what it counts, or says that it is the most; its value is a number that stands there. */
const LOCAL_BOUND =
  /^(?:export )?const (\w*_MAX|MAX_\w+|\w*_(?:BYTES|LENGTH|CHARS|UNITS|ENTRIES|DEPTH|ROWS|RECORDS|EVENTS|KEYS|VALUES)) = ([\d_. *+()A-Z]*\d[\d_. *+()]*);/;

function localTables(): string[] {
  const files = execFileSync(
    "git",
    ["ls-files", "--cached", "--others", "--exclude-standard", "edge/src", "backend/src"],
    {
      cwd: ROOT,
      encoding: "utf8",
    },
  );
  const rows = new Map<string, string[]>();
  for (const path of files
    .split("\n")
    .filter((name) => name.endsWith(".ts"))
    .sort()) {
    for (const [name, { reason, value }] of reasonsIn(readFileSync(`${ROOT}${path}`, "utf8"), LOCAL_BOUND)) {
      const folder = dirname(path);
      const file = path.slice(folder.length + 1);
      rows.set(folder, [
        ...(rows.get(folder) ?? []),
        `| \`${name}\` | ${cell(value)} | \`${file}\` | ${cell(reason)} |`,
      ]);
    }
  }
  return [...rows].flatMap(([folder, lines]) => [
    `### ${folder}`,
    "",
    "| name | value | file | reason |",
    "| --- | --- | --- | --- |",
    ...lines,
    "",
  ]);
}

/** The doc comment above each line that matches, by the name that the line's first group holds. */
function reasonsIn(source: string, pattern: RegExp): Map<string, { reason: string; value: string }> {
  const found = new Map<string, { reason: string; value: string }>();
  let comment: string[] = [];
  let isOpen = false;
  for (const line of source.split("\n")) {
    const match = pattern.exec(line);
    if (match !== null) found.set(match[1] as string, { reason: comment.join(" ").trim(), value: match[2] ?? "" });
    const text = line.trim();
    if (text.startsWith("/**")) comment = [];
    if (text.startsWith("/**") || isOpen) {
      comment.push(text.replace(/^\/?\*+\/?\s?/, "").replace(/\s*\*\/$/, ""));
      isOpen = !text.endsWith("*/");
    } else {
      comment = [];
    }
  }
  return found;
}
