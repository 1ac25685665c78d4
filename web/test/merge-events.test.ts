/** Tests the list merged from stored events and events of the live tail. */
import { expect, test } from "vitest";
import type { EventRow } from "../dashboard/api/types.ts";
import { mergeEvents, stillArriving } from "../dashboard/live/merge-events.ts";

const START_MS = Date.parse("2026-11-25T10:00:00Z");

function row(messageId: string, secondsLater: number, change: Partial<EventRow> = {}): EventRow {
  const at = new Date(START_MS + secondsLater * 1_000).toISOString();
  return { messageId, type: "track", timestamp: at, receivedAt: at, ...change };
}

const idsOf = (rows: readonly EventRow[]) => rows.map(({ messageId }) => messageId);

test("what is told comes first, each message once, as the stores have it", () => {
  const stored = [row("b", 2, { subject: "s" }), row("a", 1)];
  const merged = mergeEvents(stored, [row("c", 3), row("b", 2)], 20);
  expect(idsOf(merged)).toEqual(["c", "b", "a"]);
  expect(merged[1]?.subject).toBe("s");
});

test("the list keeps its length", () => {
  const stored = Array.from({ length: 20 }, (_, index) => row(`s${index}`, -index));
  expect(idsOf(mergeEvents(stored, [row("new", 1)], 20))).toEqual(["new", ...idsOf(stored).slice(0, 19)]);
});

test("what the stores show, or will not show any more, arrives no longer", () => {
  const arriving = [row("late", 0), row("known", 10), row("fresh", 12)];
  expect(idsOf(stillArriving(arriving, [row("known", 10)], START_MS + 16_000))).toEqual(["fresh"]);
});
