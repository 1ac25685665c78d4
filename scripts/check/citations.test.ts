// The check of citations finds each kind that leads nowhere, and leaves alone what only looks like a citation.

import { describe, expect, it } from "vitest";
import { findBadCitations } from "./citations.ts";

const DOCUMENTS = [
  { path: "docs/ARCHITECTURE.md", text: "# Architecture\n\n### E5\n\n### I9\n" },
  { path: "docs/adr/009-consent-ledger.md", text: "# A ledger\n" },
  { path: "docs/API_DOCUMENTATION.md", text: "## Time and duplicates\n" },
];

function messages(text: string, path = "edge/src/a.ts"): string[] {
  return findBadCitations([...DOCUMENTS, { path, text }]).map(({ message }) => message);
}

describe("a citation that leads somewhere is no finding", () => {
  it.each([
    "// See E5 and I9.",
    " * Consent has a place of its own (ADR 009).",
    "const a = 1; // docs/API_DOCUMENTATION.md#time-and-duplicates",
    "// California Civil Code § 1798.120",
    "// https://example.com/E99/README.md",
    'const path = "E99"; const file = "gone.md";',
    "// %E0%A4%A is no character, and I8Refused is a metric.",
  ])("%s", (text) => {
    expect(messages(text)).toEqual([]);
  });
});

describe("a citation that leads nowhere is a finding", () => {
  it.each([
    ["// As E99 says.", "E99 has no heading in docs/ARCHITECTURE.md"],
    ["const a = 1; //\tI11", "I11 has no heading in docs/ARCHITECTURE.md"],
    ["// ADR 9 says why.", "ADR 9: there is no such file in docs/adr (three digits)"],
    [" * ADR 099", "ADR 099: there is no such file in docs/adr (three digits)"],
    ["// API.md says so.", "API.md: no such document"],
    ["// The contract, §3.", "cites a section by number: name the heading"],
    ["# docs/API_DOCUMENTATION.md#gone", "docs/API_DOCUMENTATION.md has no heading #gone"],
  ])("%s", (text, message) => {
    expect(messages(text)).toEqual([message]);
  });

  it("in a document as well", () => {
    expect(messages("It rests on E77.", "docs/A.md")).toEqual(["E77 has no heading in docs/ARCHITECTURE.md"]);
  });
});
