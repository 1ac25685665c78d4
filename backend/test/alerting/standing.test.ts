// Tests the state transitions of an alert with tables of observations, minute by minute.

import { describe, expect, it } from "vitest";
import type { AlertTiming, Bounds } from "../../src/alerting/rule.ts";
import { advance, initialStanding, judgeValue } from "../../src/alerting/standing.ts";

const MINUTE_MS = 60_000;
const ABOVE: Bounds = { direction: "above", threshold: 10, clear: 5 };

interface Step {
  value: number | null;
  silenced?: boolean;
}

/** Runs one observation per minute. @returns the state and the announcement after each observation */
function run(values: readonly (number | null | Step)[], timing: Partial<AlertTiming> = {}, bounds: Bounds = ABOVE) {
  const whole = { forMinutes: 2, clearForMinutes: 3, renotifyMinutes: 0, ...timing };
  let standing = initialStanding(0);
  return values.map((given, minute) => {
    const { value, silenced = false }: Step = typeof given === "object" && given !== null ? given : { value: given };
    const moved = advance(standing, judgeValue(value, bounds), whole, silenced, minute * MINUTE_MS);
    standing = moved.standing;
    return moved.announcement === null ? standing.state : `${standing.state}!${moved.announcement}`;
  });
}

describe("an alert", () => {
  it("fires after the threshold was breached for long enough, and is resolved after it was clear for long enough", () => {
    expect(run([1, 11, 12, 13, 14, 1, 1, 1, 1, 1])).toEqual([
      "ok",
      "pending",
      "pending",
      "firing!firing",
      "firing",
      "firing",
      "firing",
      "firing",
      "resolved!resolved",
      "ok",
    ]);
  });

  it("does not fire for a breach that is too short", () => {
    expect(run([11, 11, 1, 11, 11, 1])).toEqual(["pending", "pending", "ok", "pending", "pending", "ok"]);
  });

  it("announces a value that swings around the threshold once", () => {
    const swinging = [11, 11, 11, 9, 11, 6, 12, 9, 7, 11, 8, 11];
    expect(run(swinging).filter((step) => step.includes("!"))).toEqual(["firing!firing"]);
    expect(run(swinging).at(-1)).toBe("firing");
  });

  it("announces a value that swings between breach and clear once", () => {
    const told = run([11, 11, 11, 1, 11, 1, 1, 11, 1, 1, 11]).filter((step) => step.includes("!"));
    expect(told).toEqual(["firing!firing"]);
  });

  it("fires immediately if the rule has no waiting time", () => {
    expect(run([11, 1], { forMinutes: 0, clearForMinutes: 0 })).toEqual(["firing!firing", "resolved!resolved"]);
  });

  it("repeats itself while it fires", () => {
    const steps = run(Array(12).fill(11), { forMinutes: 0, renotifyMinutes: 5 });
    expect(steps.flatMap((step, minute) => (step.includes("!") ? [[minute, step]] : []))).toEqual([
      [0, "firing!firing"],
      [5, "firing!reminder"],
      [10, "firing!reminder"],
    ]);
  });

  it("treats missing data neither as a breach nor as a recovery", () => {
    expect(run([11, 11, 11, null, null, null, null, 1, null, 1, 1])).toEqual([
      "pending",
      "pending",
      "firing!firing",
      "firing",
      "firing",
      "firing",
      "firing",
      "firing",
      "firing",
      "firing",
      "resolved!resolved",
    ]);
    expect(run([null, null])).toEqual(["ok", "ok"]);
  });

  it("is not announced while it is silenced, and is announced afterwards if it still fires", () => {
    const silent = (value: number): Step => ({ value, silenced: true });
    expect(run([silent(11), silent(11), silent(11), silent(11), 11, 11])).toEqual([
      "pending",
      "pending",
      "firing",
      "firing",
      "firing!firing",
      "firing",
    ]);
    // The firing was not announced, so its end is not announced.
    expect(run([silent(11), silent(1), 1], { forMinutes: 0, clearForMinutes: 0 })).toEqual([
      "firing",
      "resolved",
      "ok",
    ]);
  });

  it("also fires for values below a threshold", () => {
    const below: Bounds = { direction: "below", threshold: 10, clear: 20 };
    expect(run([50, 9, 15, 25], { forMinutes: 0, clearForMinutes: 0 }, below)).toEqual([
      "ok",
      "firing!firing",
      "firing",
      "resolved!resolved",
    ]);
  });
});
