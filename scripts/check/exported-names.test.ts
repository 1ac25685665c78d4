// One name for one thing: finds two definitions of a name across folders and sides, and keeps a reason only while it is needed.

import { describe, expect, it } from "vitest";
import { findIdleReasons, findSharedNames } from "./exported-names.ts";

const file = (path: string, text: string) => ({ path, text });

const FILES = [
  file("edge/src/a.ts", "// first\nexport function scan() {}\nexport interface Row {}\n"),
  file("backend/src/b.ts", "export const scan = 1;\nexport type { Row } from './c.ts';\nfunction hidden() {}\n"),
  file("contract/src/c.ts", "export const Limits = 1;\nexport type Limits = number;\nfunction hidden() {}\n"),
];

describe("exported names", () => {
  it("are found when two files define them, with the place of the first definition", () => {
    expect(findSharedNames(FILES, {})).toEqual([
      { path: "edge/src/a.ts", line: 2, message: "scan is exported by backend/src/b.ts too" },
    ]);
  });

  it.each([
    "export async function scan() {}",
    "export class scan {}",
    "export abstract class scan {}",
    "export enum scan {}",
    "export type scan = string;",
    "export interface scan {}",
  ])("are seen in %j", (text) => {
    expect(findSharedNames([...FILES, file("contract/src/d.ts", text)], {})).toMatchObject([
      { message: "scan is exported by backend/src/b.ts, contract/src/d.ts too" },
    ]);
  });

  it("may be shared for a reason", () => expect(findSharedNames(FILES, { scan: "the same scan" })).toEqual([]));

  it("are free outside the three folders, and in generated files", () => {
    const others = ["edge/test/a.ts", "local/a.ts", "edge/src/a.generated.ts"];
    const files = ["contract/src/a.ts", ...others].map((path) => file(path, "export const scan = 1;"));
    expect(findSharedNames(files, {})).toEqual([]);
  });
});

describe("reasons", () => {
  it("are findings when two files no longer define the name", () => {
    expect(findIdleReasons(FILES, { scan: "the same scan" })).toEqual([]);
    expect(findIdleReasons(FILES, { scan: "the same scan", Row: "once" })).toMatchObject([
      { message: "Row no longer needs a reason" },
    ]);
  });
});
