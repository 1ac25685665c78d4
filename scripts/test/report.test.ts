// The rules for what counts as failed, in particular tests that never ran.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { countTests, summaryLine } from "./report.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "report-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function report(...files: { status: string; tests: string[] }[]): string {
  const path = join(folder, "report.json");
  const testResults = files.map(({ status, tests }) => ({
    status,
    assertionResults: tests.map((test) => ({ status: test })),
  }));
  writeFileSync(path, JSON.stringify({ testResults }));
  return path;
}

describe("counting", () => {
  it("adds up the counts of all files", () => {
    const path = report(
      { status: "passed", tests: ["passed", "passed", "skipped"] },
      { status: "failed", tests: ["failed", "passed", "todo"] },
    );
    expect(countTests(path, 1)).toEqual({ passed: 3, failed: 1, skipped: 2 });
  });

  it("counts a file that could not be loaded as failed", () => {
    const path = report({ status: "passed", tests: ["passed"] }, { status: "failed", tests: [] });
    expect(countTests(path, 1)).toEqual({ passed: 1, failed: 1, skipped: 0 });
  });

  it("counts an error between passed tests as failed", () => {
    expect(countTests(report({ status: "passed", tests: ["passed"] }), 1)).toMatchObject({ passed: 1, failed: 1 });
  });

  it("counts a suite without a report or without tests as failed", () => {
    expect(countTests(join(folder, "absent.json"), null)).toMatchObject({ failed: 1 });
    expect(countTests(report(), 0)).toMatchObject({ failed: 1 });
  });

  it("counts a truncated report as failed", () => {
    const path = join(folder, "report.json");
    writeFileSync(path, '{"testResults":[');
    expect(countTests(path, 137)).toMatchObject({ failed: 1 });
  });
});

describe("the line at the end", () => {
  it("names skipped tests only when there are skipped tests", () => {
    expect(summaryLine({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
    expect(summaryLine({ passed: 3, failed: 1, skipped: 2 })).toBe("3 passed, 1 failed, 2 skipped");
  });
});
