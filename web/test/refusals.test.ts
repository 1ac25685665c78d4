import { expect, it } from "vitest";
import { mergeRefusals } from "../dashboard/live/refusals.ts";

const told = (code: string, pointer?: string, at = "2026-01-01T00:00:00.000Z") => ({ at, code, pointer, message: "m" });

it("counts by code and place, the newest first", () => {
  const first = mergeRefusals([], [told("missing_field", "/event"), told("origin_not_allowed")]);
  const rows = mergeRefusals(first, [
    told("missing_field", "/event", "2026-01-02T00:00:00.000Z"),
    told("missing_field", "/type"),
  ]);
  expect(rows.map(({ code, pointer, count }) => [code, pointer, count])).toEqual([
    ["missing_field", "/type", 1],
    ["missing_field", "/event", 2],
    ["origin_not_allowed", "", 1],
  ]);
  expect(rows[1]?.at).toBe("2026-01-02T00:00:00.000Z");
});

it("keeps a handful", () => {
  const rows = mergeRefusals(
    [],
    Array.from({ length: 20 }, (_, n) => told("missing_field", `/${n}`)),
  );
  expect(rows.map(({ pointer }) => pointer)).toEqual(["/19", "/18", "/17", "/16", "/15"]);
});
