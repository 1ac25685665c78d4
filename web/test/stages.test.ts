/** Tests what a stage report means for the chips: reached, not reached yet, and settled. */
import { expect, test } from "vitest";
import { PATH_STAGES, type StageReport, TIERS } from "../dashboard/api/types.ts";
import { isReached, isSettled } from "../dashboard/live/stages.ts";

const AT = "2026-01-01T12:00:00.000Z";

function reached(report: Partial<StageReport> | undefined): string[] {
  const full = report && { messageId: "m", ...report };
  return [...PATH_STAGES, ...TIERS].filter((stage) => isReached(full, stage));
}

test.each([
  ["nothing known yet: it was listed, so it was accepted", undefined, ["accepted"]],
  ["flushed", { accepted: AT, flushed: AT }, ["accepted", "flushed"]],
  ["a later stage implies those before", { processed: AT }, ["accepted", "flushed", "processed"]],
  ["a tier implies the path, not the other tiers", { warm: AT }, ["accepted", "flushed", "processed", "warm"]],
])("%s", (_name, report, stages) => {
  expect(reached(report)).toEqual(stages);
});

test.each([
  [undefined, false],
  [{ accepted: AT, hot: AT, warm: AT }, false],
  [{ hot: AT, warm: AT, cold: AT }, true],
  [{ accepted: AT, failed: { code: "invalid_type" } }, true],
  [{ accepted: AT, suppressed: { reason: "gpc" } }, true],
])("%j is settled: %s", (report, settled) => {
  expect(isSettled(report && { messageId: "m", ...report })).toBe(settled);
});
