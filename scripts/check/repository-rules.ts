// The repository's own rules, which no off-the-shelf tool checks: maximum length of a file, forbidden names, no path of one
// person's machine, no mark of unfinished work, and no dead link in a document. Pure. check.ts reads the files' texts.

import { posix } from "node:path";

export interface SourceFile {
  /** Relative to the repository, with "/". */
  path: string;
  text: string;
}

export interface Finding {
  path: string;
  line: number | null;
  message: string;
}

/** A reader can remember a file of this length. A longer file holds two things. */
export const SOURCE_LINES_MAX = 400;
const SOURCE = /\.(?:ts|tsx|js|css|sh|py|go|java|tf)$/;
const GENERATED = /(?:^|\/)(?:pnpm-lock\.yaml|migrations\/.*|.*\.generated\.[^/]+)$/;

export function findTooLong(files: readonly SourceFile[]): Finding[] {
  return files.flatMap(({ path, text }) => {
    if (!SOURCE.test(path) || GENERATED.test(path)) return [];
    const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
    if (lines <= SOURCE_LINES_MAX) return [];
    return [
      { path, line: null, message: `${lines} lines; at most ${SOURCE_LINES_MAX}: split the file by what its parts do` },
    ];
  });
}

/** Names that do not describe the content and therefore attract unrelated code. */
const FORBIDDEN_WORDS = new Set(["util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"]);

export function findForbiddenNames(files: readonly SourceFile[]): Finding[] {
  const findings = new Map<string, Finding>();
  for (const { path } of files) {
    const segments = path.split("/");
    for (const [depth, segment] of segments.entries()) {
      const word = segment.split(/[-._]/).find((part) => FORBIDDEN_WORDS.has(part.toLowerCase()));
      const reason = word ?? (/\.service\.[jt]sx?$/.test(segment) ? ".service" : null);
      if (reason === null) continue;
      const named = segments.slice(0, depth + 1).join("/");
      findings.set(named, {
        path: named,
        line: null,
        message: `"${reason}" in a name: name the content in the field's terms`,
      });
    }
  }
  return [...findings.values()];
}

const HOME = /(?:\/(?:home|Users)\/[\w.-]+\/|\/root\/|[A-Z]:\\Users\\)/;

/** @param root the checkout's own absolute path. It must not appear in a file either. */
export function findMachinePaths(files: readonly SourceFile[], root: string): Finding[] {
  const checkout = root.replace(/\/$/, "");
  return findLines(files, (line) => {
    if (HOME.test(line)) return "a path in one user's home folder";
    return checkout.split("/").length > 2 && line.includes(checkout) ? "the path of this checkout" : null;
  });
}

const UNFINISHED = /\b(?:TODO|FIXME|XXX|HACK)\b/;

export function findUnfinished(files: readonly SourceFile[]): Finding[] {
  const code = files.filter(({ path }) => SOURCE.test(path) && !path.startsWith("scripts/check/"));
  return findLines(code, (line) =>
    UNFINISHED.test(line) ? "unfinished: finish it, or write down the decision" : null,
  );
}

/** Where a process is composed, and where the machine's clock may therefore be read. */
const COMPOSITION = /^backend\/src\/(?:lambdas|cli)\/|\/connect\.ts$/;
const CLOCK = /\bDate\.now\(\)|\bnew Date\(\)/;

/** The backend reads the time from `nowMs`, so that a test can set it. */
export function findClocks(files: readonly SourceFile[]): Finding[] {
  const code = files.filter(({ path }) => /^backend\/src\/.*\.ts$/.test(path) && !COMPOSITION.test(path));
  return findLines(code, (line) =>
    CLOCK.test(line) ? "the machine's clock: take `nowMs` as a parameter or as a part" : null,
  );
}

function findLines(files: readonly SourceFile[], judge: (line: string) => string | null): Finding[] {
  return files.flatMap(({ path, text }) => {
    if (GENERATED.test(path)) return [];
    return text.split("\n").flatMap((line, index) => {
      const message = judge(line);
      return message === null ? [] : [{ path, line: index + 1, message }];
    });
  });
}

const LINK = /\]\(([^)\s]+)\)/g;

/** Links between documents, and from documents to code. Network addresses are not requested. */
export function findDeadLinks(files: readonly SourceFile[], exists: (path: string) => boolean): Finding[] {
  const findings: Finding[] = [];
  for (const { path, text } of files) {
    if (!path.endsWith(".md")) continue;
    for (const [index, line] of text.split("\n").entries()) {
      for (const [, target = ""] of line.matchAll(LINK)) {
        const [file = ""] = target.split("#");
        if (file === "" || /^[a-z][a-z0-9+.-]*:/i.test(file)) continue;
        const resolved = posix.normalize(posix.join(posix.dirname(path), decodeURI(file)));
        if (!exists(resolved)) findings.push({ path, line: index + 1, message: `dead link: ${target}` });
      }
    }
  }
  return findings;
}
