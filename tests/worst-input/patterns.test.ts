// Every regular expression that reads client data is timed with texts made from its own beginnings. The cost must grow linearly
// with the text and stay small. New patterns are found automatically.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { judgeCosts, PATTERN_MS_PER_KIB_MAX, worstInputs } from "./cost.ts";
import { piecesOf } from "./pattern-pieces.ts";
import { patternsIn } from "./source-patterns.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FOLDERS = ["contract/src", "edge/src", "backend/src"];

/** Patterns that run on short texts only, by their source. Each has its maximum length and the reason. */
const SHORT_TEXTS: Readonly<Record<string, { maxLength: number; why: string }>> = {
  "[ \\u00a0()./-]+\\d+$": { maxLength: 64, why: "a pattern found this text: at most 15 digits and their separators" },
  "(?:\\.redriven-[0-9a-f]{16})+$": { maxLength: 256, why: "the name of a raw shard, which no client chooses" },
};

function sourceFiles(): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".generated.ts"))
      .map((name) => `${folder}/${name}`.replaceAll("\\", "/")),
  );
}

const PATTERNS = sourceFiles().flatMap((path) =>
  patternsIn(readFileSync(join(ROOT, path), "utf8")).map((pattern) => ({ path, ...pattern })),
);

/** Finds and replaces one match after the other, because most patterns are used in this way. */
function runPattern(pattern: RegExp): (text: string) => unknown {
  if (pattern.global) return (text) => text.replace(pattern, "x");
  return (text) => text.search(pattern);
}

describe("regular expressions over client data", () => {
  it("are found in the sources", () => {
    expect(PATTERNS.length).toBeGreaterThan(60);
    const code = 'const a = b / c / d; // /no/\nconst e = "/no/", f = `/${g}/`;\nreturn /[/]yes\\/(x+)/gi.test(h);';
    expect(patternsIn(code)).toEqual([{ source: "[/]yes\\/(x+)", flags: "gi", line: 3 }]);
  });

  it("have no exception for a pattern that no longer exists", () => {
    const sources = new Set(PATTERNS.map(({ source }) => source));
    expect(Object.keys(SHORT_TEXTS).filter((source) => !sources.has(source))).toEqual([]);
  });

  it.each(PATTERNS)("$path:$line /$source/$flags", ({ source, flags }) => {
    const read = runPattern(new RegExp(source, flags));
    const maxLength = SHORT_TEXTS[source]?.maxLength;
    const bounds = { msPerKibMax: PATTERN_MS_PER_KIB_MAX, ...(maxLength === undefined ? {} : { maxLength }) };
    expect(judgeCosts(read, worstInputs(piecesOf(source)), bounds)).toEqual([]);
  });

  it.each([
    ["eyJ[A-Za-z0-9_-]{8,4096}\\.eyJ[A-Za-z0-9_-]{4,8192}", "g"],
    ["-----BEGIN [A-Z ]{0,32}KEY-----[\\s\\S]{0,8192}?-----END", "g"],
    ["\\s+$", ""],
    ["a.*b.*c", ""],
  ])("would not be accepted as /%s/%s", (source, flags) => {
    const read = runPattern(new RegExp(source, flags));
    const bounds = { msPerKibMax: PATTERN_MS_PER_KIB_MAX };
    expect(judgeCosts(read, worstInputs(piecesOf(source)), bounds)).not.toEqual([]);
  });
});
