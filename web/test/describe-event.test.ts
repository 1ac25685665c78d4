/** Tests the short description of an event. */
import { expect, test } from "vitest";
import type { EventRow } from "../dashboard/api/types.ts";
import { describeEvent } from "../dashboard/live/describe-event.ts";

const ROW: EventRow = { messageId: "m", type: "track", timestamp: "", receivedAt: "" };

test.each<[Partial<EventRow>, string, string]>([
  [{ event: "Order Completed", context: { page: { path: "/thanks" } } }, "Order Completed", "/thanks"],
  [{ event: "Job Ran" }, "Job Ran", "track"],
  [{ type: "page", event: "Home", context: { page: { path: "/" } } }, "Viewed Home", "/"],
  [{ type: "page", name: "Home" }, "Viewed Home", "page"],
  [{ type: "page", event: null, properties: { path: "/a" } }, "Viewed page", "/a"],
  [{ type: "identify", context: null }, "Identified", "identify"],
  [{ event: null, context: { page: "odd" }, properties: { path: 7 } }, "Unnamed event", "track"],
])("%j", (row, title, detail) => {
  expect(describeEvent({ ...ROW, ...row })).toEqual({ title, detail });
});
