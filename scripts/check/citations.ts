// What a comment or a document cites must be in the repository: a decision (`E5`), an invariant (`I9`), an ADR, a document and its heading.
// A citation that leads nowhere tells a reader that there is a reason, and keeps the reason from him. Pure; the files' texts come
// from repository.ts.

import { basename } from "node:path";
import type { Finding, SourceFile } from "./repository-rules.ts";

const ARCHITECTURE = "docs/ARCHITECTURE.md";
const CODE = /\.(?:ts|tsx|js|mjs|css|sh|toml|yaml|yml)$/;
const GENERATED = /(?:^|\/)(?:pnpm-lock\.yaml|.*\.generated\.[^/]+)$/;

/** A law's paragraph has a number of three digits and more. */
const SECTION = /§(?! ?\d{3})/;
const DECISION = /(?<![\w.#/%-])[EI]\d{1,2}(?![\w%-])/g;
const ADR = /\bADR[ -]?(\d+)\b/g;
const DOCUMENT = /(?<![\w/.#-])([\w./-]*[\w-]+\.md)(?:#([\w-]+))?/g;
/** Web addresses, and links of Markdown, which another rule looks at. */
const ELSEWHERE = /https?:\/\/\S+|\]\([^)]*\)/g;

export function findBadCitations(files: readonly SourceFile[]): Finding[] {
  const known = readKnown(files);
  return files.flatMap(({ path, text }) => {
    const isDocument = path.endsWith(".md");
    if (GENERATED.test(path) || !(isDocument || CODE.test(path))) return [];
    return text.split("\n").flatMap((line, index) => {
      const prose = (isDocument ? line : commentOf(line)).replace(ELSEWHERE, "");
      return judgeProse(prose, path, known).map((message) => ({ path, line: index + 1, message }));
    });
  });
}

interface Known {
  /** Decisions and invariants that have a heading. */
  decisions: ReadonlySet<string>;
  /** Three digits each. */
  adrs: ReadonlySet<string>;
  /** By path, and by the name alone. */
  headings: ReadonlyMap<string, ReadonlySet<string>>;
}

function readKnown(files: readonly SourceFile[]): Known {
  const headings = new Map<string, Set<string>>();
  const adrs = new Set<string>();
  for (const { path, text } of files) {
    if (!path.endsWith(".md")) continue;
    const slugs = new Set([...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) => slugOf(title as string)));
    for (const name of [path, basename(path)]) headings.set(name, new Set([...(headings.get(name) ?? []), ...slugs]));
    const number = /^docs\/adr\/(\d{3})-/.exec(path)?.[1];
    if (number !== undefined) adrs.add(number);
  }
  const decisions = [...(headings.get(ARCHITECTURE) ?? [])].filter((slug) => /^[ei]\d+$/.test(slug));
  return { decisions: new Set(decisions.map((slug) => slug.toUpperCase())), adrs, headings };
}

function judgeProse(prose: string, path: string, known: Known): string[] {
  return [
    ...(SECTION.test(prose) ? ["cites a section by number: name the heading"] : []),
    ...[...prose.matchAll(DECISION)]
      .filter(([name]) => !known.decisions.has(name))
      .map(([name]) => `${name} has no heading in ${ARCHITECTURE}`),
    ...[...prose.matchAll(ADR)]
      .filter(([, number]) => !known.adrs.has(number as string))
      .map(([cited]) => `${cited}: there is no such file in docs/adr (three digits)`),
    ...[...prose.matchAll(DOCUMENT)].flatMap(([, document, anchor]) =>
      judgeDocument(document as string, anchor, path, known),
    ),
  ];
}

function judgeDocument(document: string, anchor: string | undefined, path: string, { headings }: Known): string[] {
  const found = headings.get(document.replace(/^(?:\.\.?\/)+/, "")) ?? headings.get(basename(document));
  if (found === undefined) return [`${document}: no such document`];
  if (anchor === undefined || found.has(anchor)) return [];
  return path === document ? [] : [`${document} has no heading #${anchor}`];
}

/** What a line of code says to people: whole lines of comments, and comments behind code. */
function commentOf(line: string): string {
  const text = line.trim();
  if (/^(?:\/\/|\/\*|\*|#)/.test(text)) return text;
  return / (?:\/\/|#)\s(.*)$/.exec(text)?.[1] ?? "";
}

/** As GitHub makes anchors. */
function slugOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .trim()
    .replaceAll(" ", "-");
}
