// The rules themselves: each rule accepts what it must accept, and names what it must refuse.

import { describe, expect, it } from "vitest";
import {
  findClocks,
  findDeadLinks,
  findForbiddenNames,
  findMachinePaths,
  findTooLong,
  findUnfinished,
  SOURCE_LINES_MAX,
} from "./repository-rules.ts";

const file = (path: string, text = "") => ({ path, text });

describe("file sizes", () => {
  it("accepts a source file at exactly the limit and refuses one more line", () => {
    const lines = "x\n".repeat(SOURCE_LINES_MAX);
    expect(findTooLong([file("edge/src/a.ts", lines)])).toEqual([]);
    expect(findTooLong([file("edge/src/a.ts", `${lines}x\n`)])).toMatchObject([{ path: "edge/src/a.ts" }]);
  });

  it("ignores documents, the lockfile and generated files", () => {
    const long = "x\n".repeat(5_000);
    const paths = [
      "docs/a.md",
      "pnpm-lock.yaml",
      "backend/migrations/0000.sql",
      "sdk/javascript/src/limits.generated.ts",
    ];
    expect(findTooLong(paths.map((path) => file(path, long)))).toEqual([]);
  });
});

describe("names", () => {
  it.each([
    "edge/src/utils/a.ts",
    "backend/src/string-utils.ts",
    "sdk/helpers.js",
    "a/KeyManager.service.ts",
    "common/a.md",
  ])("refuses %s", (path) => expect(findForbiddenNames([file(path)])).toHaveLength(1));

  it("names a folder once, however many files it has", () => {
    expect(findForbiddenNames([file("edge/utils/a.ts"), file("edge/utils/b.ts")])).toMatchObject([
      { path: "edge/utils" },
    ]);
  });

  it("accepts the field's terms", () => {
    expect(findForbiddenNames([file("edge/src/shard/group-commit.ts"), file("community/utility.ts")])).toEqual([]);
  });
});

describe("paths of one machine", () => {
  it("finds home folders and the checkout's own path, with their lines", () => {
    // Composed here, because this file would otherwise break the rule that it tests.
    const home = ["", "home", "ann", "code"].join("/");
    const found = findMachinePaths(
      [file("a.md", `ok\n${home}`), file("b.md", "see /srv/build/repo/edge")],
      "/srv/build/repo/",
    );
    expect(found).toMatchObject([
      { path: "a.md", line: 2 },
      { path: "b.md", line: 1 },
    ]);
  });

  it("accepts addresses of the product", () => {
    expect(findMachinePaths([file("a.md", "GET /v1/events, /tmp/x, /usr/bin/env, /demo")], "/srv/build/repo")).toEqual(
      [],
    );
  });
});

describe("unfinished", () => {
  it("finds marks in code only", () => {
    const mark = ["TO", "DO"].join("");
    expect(findUnfinished([file("edge/src/a.ts", `// ${mark}: later`)])).toMatchObject([{ line: 1 }]);
    expect(findUnfinished([file("CONTRIBUTING.md", `no ${mark} in code`)])).toEqual([]);
  });
});

describe("the clock", () => {
  it("is read where a process is composed, and is a parameter elsewhere", () => {
    const reads = "const nowMs = Date.now();";
    expect(findClocks([file("backend/src/tiers/hot/tier.ts", reads)])).toMatchObject([{ line: 1 }]);
    expect(findClocks([file("backend/src/lambdas/alert.ts", reads)])).toEqual([]);
    expect(findClocks([file("backend/src/replay/connect.ts", reads)])).toEqual([]);
    expect(findClocks([file("backend/src/tiers/hot/tier.ts", "nowMs = Date.now,")])).toEqual([]);
  });
});

describe("links", () => {
  const exists = (path: string) => ["docs/adr/001.md", "README.md"].includes(path);

  it("resolves a link from the document's own folder", () => {
    expect(findDeadLinks([file("docs/a.md", "[x](adr/001.md#why) [y](../README.md)")], exists)).toEqual([]);
    expect(findDeadLinks([file("docs/a.md", "[x](README.md)")], exists)).toMatchObject([
      { path: "docs/a.md", line: 1 },
    ]);
  });

  it("ignores addresses and anchors", () => {
    expect(
      findDeadLinks([file("a.md", "[x](https://example.com) [y](#top) [z](mailto:a@example.com)")], exists),
    ).toEqual([]);
  });
});
