// Counts a suite's tests in vitest's JSON report. A suite that did not run to its end has failed, even when none of its tests
// failed. Tests that never ran must not look like tests that passed.

import { readFileSync } from "node:fs";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface Report {
  testResults: { status: string; assertionResults: { status: string }[] }[];
}

const NOT_RUN = new Set(["pending", "skipped", "todo", "disabled"]);

/**
 * @param reportPath the file that vitest was asked to write. It may be missing.
 * @param exitCode null when the run was killed or never started
 */
export function countTests(reportPath: string, exitCode: number | null): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of readReport(reportPath)?.testResults ?? []) {
    for (const { status } of file.assertionResults) {
      if (status === "passed") counts.passed++;
      else if (NOT_RUN.has(status)) counts.skipped++;
      else counts.failed++;
    }
    // A file that cannot be loaded has no tests that could fail.
    const brokeOutside = file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed");
    if (brokeOutside) counts.failed++;
  }
  // There is no report, or it is empty, or an error occurred between the tests.
  if (counts.failed === 0 && (exitCode !== 0 || counts.passed + counts.skipped === 0)) counts.failed++;
  return counts;
}

function readReport(path: string): Report | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Report;
  } catch {
    // The report is missing or truncated: vitest crashed. The exit code says so too.
    return null;
  }
}

export function addCounts(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** `N passed, N failed`, and `, N skipped` when tests were skipped. */
export function summaryLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
}
