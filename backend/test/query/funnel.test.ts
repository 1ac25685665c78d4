// Tests funnels against a search that tries every combination.

import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openWarehouse, type Warehouse } from "./warehouse.ts";

const DAY_MS = 86_400_000;
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

describe("funnel", () => {
  const START = Date.parse("2026-07-01T00:00:00Z");
  const RANGE = { from: "2026-07-01", to: "2026-07-10" };
  const at = (hours: number) => START + hours * 3_600_000;

  it("counts subjects through ordered steps within the window", async () => {
    const project = "p_funnel";
    const way = (subject: string, ...steps: [string, number][]) =>
      steps.map(([event, hours]) => ({ project, subject, event, time: at(hours) }));
    await warehouse.store([
      ...way("all", ["View", 0], ["Cart", 1], ["Buy", 2]),
      ...way("late", ["View", 0], ["Cart", 1], ["Buy", 30]),
      ...way("again", ["View", 0], ["View", 28], ["Cart", 29], ["Buy", 30]),
      ...way("backwards", ["Buy", 0], ["Cart", 1], ["View", 2]),
      ...way("never", ["Cart", 1]),
    ]);
    const steps = [{ event: "View" }, { event: "Cart" }, { event: "Buy" }];
    expect(await ask("/v1/query/funnel", { ...RANGE, steps, within: "1d" }, project)).toEqual([
      { step: 1, event: "View", users: 4, conversion: 1 },
      { step: 2, event: "Cart", users: 3, conversion: 0.75 },
      { step: 3, event: "Buy", users: 2, conversion: 0.5 },
    ]);
  });

  it("uses an event for one step only, and events of the same time in the order of the steps", async () => {
    const project = "p_ties";
    await warehouse.store([
      { project, subject: "once", event: "View", time: at(0) },
      { project, subject: "twice", event: "View", time: at(0) },
      { project, subject: "twice", event: "View", time: at(0) },
      { project, subject: "tie", event: "Buy", time: at(0), messageId: "a" },
      { project, subject: "tie", event: "View", time: at(0), messageId: "b" },
    ]);
    const twice = await ask("/v1/query/funnel", { ...RANGE, steps: [{ event: "View" }, { event: "View" }] }, project);
    expect(twice.map(({ users }: { users: number }) => users)).toEqual([3, 1]);
    const tie = await ask("/v1/query/funnel", { ...RANGE, steps: [{ event: "View" }, { event: "Buy" }] }, project);
    expect(tie.map(({ users }: { users: number }) => users)).toEqual([3, 1]);
  });

  it("filters steps by properties, and breaks down by a value of the first step", async () => {
    const project = "p_where";
    const plan = (value: unknown) => ({ project, event: "Plan", time: at(0), properties: { plan: value } });
    await warehouse.store([
      { ...plan("pro"), subject: "a", country: "DE" },
      { ...plan(1.5), subject: "b", country: "FR" },
      { ...plan("1.5"), subject: "c", country: "FR" },
      { ...plan(null), subject: "d" },
      { project, subject: "b", event: "Buy", time: at(1) },
    ]);
    const users = async (where: unknown, breakdown?: string) => {
      const steps = [{ event: "Plan", where }, { event: "Buy" }];
      return ask("/v1/query/funnel", { ...RANGE, steps, ...(breakdown === undefined ? {} : { breakdown }) }, project);
    };
    const first = async (where: unknown) => (await users(where))[0].users;
    expect(await first({ "properties.plan": "pro" })).toBe(1);
    expect(await first({ "properties.plan": ["pro", 1.5] })).toBe(2);
    expect(await first({ "properties.plan": "1.5" })).toBe(1);
    expect(await first({ "properties.plan": null })).toBe(1);
    expect(await first({ country: ["DE", null] })).toBe(2);
    expect(await first({ country: "DE", "properties.plan": 1.5 })).toBe(0);
    expect(await users({}, "country")).toEqual([
      { step: 1, event: "Plan", users: 2, conversion: 1, breakdown: "FR" },
      { step: 2, event: "Buy", users: 1, conversion: 0.5, breakdown: "FR" },
      { step: 1, event: "Plan", users: 1, conversion: 1, breakdown: "DE" },
      { step: 2, event: "Buy", users: 0, conversion: 0, breakdown: "DE" },
      { step: 1, event: "Plan", users: 1, conversion: 1, breakdown: null },
      { step: 2, event: "Buy", users: 0, conversion: 0, breakdown: null },
    ]);
  });

  it("agrees with a search of every combination", async () => {
    let run = 0;
    const events = fc.array(
      fc.record({
        event: fc.constantFrom("A", "B", "C"),
        hours: fc.integer({ min: 0, max: 60 }),
        who: fc.integer({ min: 0, max: 3 }),
      }),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(
        events,
        fc.array(fc.constantFrom("A", "B", "C"), { minLength: 1, maxLength: 4 }),
        async (given, steps) => {
          const project = `p_random${run++}`;
          // Each event has its own time. Another test covers the order of events with the same time.
          const stored = given.map(({ event, hours, who }, n) => ({
            project,
            event,
            time: at(hours) + n,
            subject: `s${who}`,
          }));
          await warehouse.store(stored);
          const body = { ...RANGE, within: "1d", steps: steps.map((event) => ({ event })) };
          const answer = await ask("/v1/query/funnel", body, project);
          const expected = steps.map((_, index) => {
            const wanted = steps.slice(0, index + 1);
            return [0, 1, 2, 3].filter((who) =>
              walks(
                stored.filter(({ subject }) => subject === `s${who}`),
                wanted,
              ),
            ).length;
          });
          expect(answer.map(({ users }: { users: number }) => users)).toEqual(expected);
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);

  it.each([
    [{ steps: [] }, "/steps"],
    [{ steps: [{ event: "" }] }, "/steps/0/event"],
    [{ steps: [{ event: "A", where: { subject: "x" } }] }, "/steps/0/where/subject"],
    [{ steps: [{ event: "A\u0000" }] }, "/steps/0/event"],
    [{ steps: [{ event: "A" }], within: "7 days" }, "/within"],
    [{ steps: [{ event: "A" }], within: "0d" }, "/within"],
    [{ steps: [{ event: "A" }], from: "now" }, "/from"],
  ])("refuses %j", async (body, pointer) => {
    const answer = await warehouse.send("POST", "/v1/query/funnel", body);
    expect([answer.status, answer.body.code, answer.body.pointer]).toEqual([400, "invalid_parameter", pointer]);
  });
});

/** Whether some choice of events completes the steps in order, all within a day of the first. */
function walks(events: { event: string; time: number }[], steps: string[]): boolean {
  const go = (step: number, afterMs: number, startMs: number): boolean =>
    step === steps.length ||
    events.some(
      ({ event, time }) =>
        event === steps[step] &&
        time > afterMs &&
        (step === 0 || time <= startMs + DAY_MS) &&
        go(step + 1, time, step === 0 ? time : startMs),
    );
  return go(0, 0, 0);
}
