// Tests retention: which persons return, by cohort and period.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openWarehouse, type Warehouse } from "./warehouse.ts";

const NOW_MS = Date.parse("2026-07-15T12:00:00Z"); // A Wednesday.
let warehouse: Warehouse;
beforeAll(async () => {
  warehouse = await openWarehouse({ nowMs: () => NOW_MS });
}, 60_000);
afterAll(() => warehouse.stop());

const ask = async (path: string, body: unknown, project = "p_test") => {
  const answer = await warehouse.send("POST", path, body, { "x-project": project });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body.data;
};

describe("retention", () => {
  it("shows how many persons return in each period", async () => {
    const project = "p_return";
    const on = (subject: string, event: string, ...days: string[]) =>
      days.map((day) => ({ project, subject, event, time: `2026-07-${day}T10:00:00Z` }));
    await warehouse.store([
      ...on("a", "Sign up", "13"),
      ...on("b", "Sign up", "13", "14"),
      ...on("c", "Sign up", "15"),
      ...on("a", "Open", "13", "15"),
      ...on("b", "Open", "14", "15"),
      ...on("nobody", "Open", "14"),
    ]);
    const asked = { cohort: { event: "Sign up" }, return: { event: "Open" }, interval: "day", periods: 3 };
    expect(await ask("/v1/query/retention", asked, project)).toEqual([
      {
        cohort: "2026-07-13T00:00:00.000Z",
        users: 2,
        periods: [
          { period: 0, users: 0, rate: 0 },
          { period: 1, users: 1, rate: 0.5 },
          { period: 2, users: 2, rate: 1 },
        ],
      },
      {
        cohort: "2026-07-14T00:00:00.000Z",
        users: 0,
        periods: [0, 1].map((period) => ({ period, users: 0, rate: 0 })),
      },
      { cohort: "2026-07-15T00:00:00.000Z", users: 1, periods: [{ period: 0, users: 0, rate: 0 }] },
    ]);
    const weeks = await ask("/v1/query/retention", { ...asked, interval: "week", periods: 2 }, project);
    expect(weeks.map(({ cohort, users }: { cohort: string; users: number }) => [cohort, users])).toEqual([
      ["2026-07-06T00:00:00.000Z", 0],
      ["2026-07-13T00:00:00.000Z", 3],
    ]);
  });
});
