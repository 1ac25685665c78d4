// The floors: the check finds a planted climb and a planted circle in every way of writing an import, and accepts imports that
// descend.

import { describe, expect, it } from "vitest";
import { findImports } from "./imports.ts";
import { findCircles, findClimbs, findHomeless, HOUSES, type House } from "./layers.ts";

const file = (path: string, text = "") => ({ path, text });

/** Files with their imports: a planted repository. */
function imports(files: Record<string, string[]>) {
  return findImports(
    Object.entries(files).map(([path, specifiers]) =>
      file(path, specifiers.map((specifier) => `import { x } from "${specifier}";\n`).join("")),
    ),
  );
}

const HOUSE: House = {
  folder: "a/src",
  floors: [{ rooms: ["ground", "clock.ts"] }, { rooms: ["left", "right"] }, { rooms: ["roof", "left/door"] }],
};

describe("imports", () => {
  const target = file("a/b.ts");

  it.each([
    'import { x } from "./b.ts";',
    'import type { X } from "./b.ts";',
    'import {\n  type X,\n  y,\n} from "./b.ts";',
    'export * from "./b.ts";',
    'export { x } from "./b";',
    'import "./b.ts";',
    'const { x } = await import("./b.ts");',
    'export type X = import("./b.ts").X;',
    '/// <reference path="./b.ts" />',
  ])("are found in %j", (text) => {
    const found = findImports([file("a/a.ts", `// first\n${text}`), target]);
    expect(found).toMatchObject([{ from: "a/a.ts", to: "a/b.ts" }]);
  });

  it.each(["// as in ./b.ts", "export const NAME = './b.ts';", 'import { join } from "node:path";'])(
    "are not seen in %j",
    (text) => expect(findImports([file("a/a.ts", text), target])).toEqual([]),
  );

  it("have the line of the path", () => {
    expect(findImports([file("a/a.ts", 'import {\n  x,\n} from "./b.ts";\n'), target])).toMatchObject([{ line: 3 }]);
  });

  it("reach a package by its name: the file that it exports, or the package when a build makes that file", () => {
    const exports = { ".": "./src/index.ts", "./script": { default: "./dist/script.js" } };
    const files = [
      file("kit/package.json", JSON.stringify({ name: "@x/kit", exports })),
      file("kit/src/index.ts"),
      file("a.ts", 'import { x } from "@x/kit";\nimport "@x/kit/script";\n'),
    ];
    expect(findImports(files)).toMatchObject([{ to: "kit/src/index.ts" }, { to: "kit/package.json" }]);
  });
});

describe("floors", () => {
  it("accept imports that descend, stay in a room, or go one way between rooms of a floor", () => {
    const found = imports({
      "a/src/roof/a.ts": ["../left/a.ts", "../clock.ts", "./b.ts"],
      "a/src/roof/b.ts": [],
      "a/src/left/a.ts": ["../right/a.ts", "../ground/a.ts"],
      "a/src/right/a.ts": ["../ground/a.ts", "../../../outside/a.ts"],
      "a/src/ground/a.ts": ["../clock.ts"],
      "a/src/clock.ts": [],
      "outside/a.ts": ["../a/src/roof/a.ts"],
    });
    expect(found).toHaveLength(9);
    expect(findClimbs(HOUSE, found)).toEqual([]);
  });

  it("report a climb with its line", () => {
    const found = imports({ "a/src/ground/a.ts": ["./b.ts", "../roof/a.ts"], "a/src/roof/a.ts": [] });
    expect(findClimbs(HOUSE, found)).toEqual([
      { path: "a/src/ground/a.ts", line: 2, message: "climbs from a/src/ground to a/src/roof" },
    ]);
  });

  it("choose the longer of two rooms that match", () => {
    const found = imports({ "a/src/left/a.ts": ["./door/a.ts"], "a/src/left/door/a.ts": [] });
    expect(findClimbs(HOUSE, found)).toMatchObject([{ message: "climbs from a/src/left to a/src/left/door" }]);
  });

  it("refuse imports in both directions between two rooms of a floor, at each import", () => {
    const found = imports({
      "a/src/left/a.ts": ["../right/a.ts"],
      "a/src/right/a.ts": [],
      "a/src/right/b.ts": ["../left/b.ts"],
      "a/src/left/b.ts": [],
    });
    expect(findClimbs(HOUSE, found)).toMatchObject([{ path: "a/src/left/a.ts" }, { path: "a/src/right/b.ts" }]);
  });

  it("refuse imports in one direction too where rooms are apart", () => {
    const house: House = { folder: "", floors: [{ rooms: ["x", "y"], areApart: true }] };
    expect(findClimbs(house, imports({ "x/a.ts": ["../y/a.ts"], "y/a.ts": [] }))).toMatchObject([{ path: "x/a.ts" }]);
  });

  it("report code that has no floor, and rooms without code", () => {
    const paths = ["a/src/left/a.ts", "a/src/left/door/a.ts", "a/src/right/a.ts", "a/src/roof/a.tsx", "a/src/clock.ts"];
    expect(findHomeless(HOUSE, [...paths, "a/src/ground/a.ts", "a/README.md", "b/a.ts"])).toEqual([]);
    expect(findHomeless(HOUSE, [...paths, "a/src/cellar/a.ts"])).toMatchObject([
      { path: "a/src/cellar/a.ts" },
      { path: "a/src/ground" },
    ]);
  });
});

describe("the repository's own floors", () => {
  it.each([
    ["contract/src/a.ts", "edge/src/a.ts"],
    ["contract/src/a.ts", "backend/src/a.ts"],
    ["edge/src/a.ts", "backend/src/a.ts"],
    ["backend/src/a.ts", "edge/src/a.ts"],
    ["backend/src/a.ts", "local/a.ts"],
    ["edge/src/a.ts", "edge/test/a.ts"],
    ["local/a.ts", "scripts/a.ts"],
    ["edge/src/a.ts", "web/a.ts"],
    ["edge/src/env.ts", "edge/src/shard/shard.ts"],
    ["edge/src/shard/append.ts", "edge/src/collect/pipeline.ts"],
    ["edge/src/live/publish.ts", "edge/src/collect/judge.ts"],
    ["edge/src/collect/pipeline.ts", "edge/src/gateway/routes.ts"],
    ["backend/src/aws.ts", "backend/src/tiers/hot/tier.ts"],
    ["backend/src/tiers/tier.ts", "backend/src/redrive/requests.ts"],
    ["backend/src/query/events.ts", "backend/src/api/app.ts"],
    ["backend/src/projects/commands.ts", "backend/src/cli/commands.ts"],
  ])("refuse %s that imports %s", (from, to) => {
    const found = [{ from, line: 1, to }];
    expect(HOUSES.flatMap((house) => findClimbs(house, found))).toMatchObject([{ path: from, line: 1 }]);
  });
});

describe("circles of files", () => {
  it("are not reported when two ways meet", () => {
    expect(findCircles(imports({ "a.ts": ["./b.ts", "./c.ts"], "b.ts": ["./d.ts"], "c.ts": ["./d.ts"] }))).toEqual([]);
  });

  it("are found when only a type closes them", () => {
    const found = findImports([
      file("a.ts", 'import { b } from "./b.ts";\n'),
      file("b.ts", 'import { c } from "./c.ts";\n'),
      file("c.ts", 'import type { A } from "./a.ts";\n'),
    ]);
    expect(findCircles(found)).toMatchObject([
      { path: "a.ts", message: "a circle of files: a.ts → b.ts → c.ts → a.ts" },
    ]);
  });

  it("are reported by their shortest circle, once for all files in the group", () => {
    const found = imports({
      "a.ts": ["./b.ts"],
      "b.ts": ["./c.ts"],
      "c.ts": ["./a.ts", "./b.ts"],
      "d.ts": ["./a.ts"],
      "x.ts": ["./y.ts"],
      "y.ts": ["./x.ts"],
    });
    expect(findCircles(found).map(({ message }) => message)).toEqual([
      "a circle of files: b.ts → c.ts → b.ts (1 more files import from and are imported by it)",
      "a circle of files: x.ts → y.ts → x.ts",
    ]);
  });
});
