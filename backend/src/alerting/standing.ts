// Computes the next state of an alert, and its announcement, from one more observation. Pure.
//
//   ok → pending     the threshold is breached
//   pending → firing it stayed breached for `forMinutes`
//   firing → resolved it stayed clear for `clearForMinutes`; between the two thresholds it keeps firing
//   resolved → ok    at the next observation
//
// An observation without data changes nothing: silence is neither a breach nor a recovery.

import type { AlertTiming, Bounds } from "./rule.ts";

const MINUTE_MS = 60_000;

export type AlertStateName = "ok" | "pending" | "firing" | "resolved";

export interface AlertStanding {
  state: AlertStateName;
  sinceMs: number;
  breachedSinceMs: number | null;
  clearSinceMs: number | null;
  /** Counts how often the alert fired. */
  incident: number;
  notifiedAtMs: number | null;
  /** Whether the current incident was announced. */
  announced: boolean;
}

export type Announcement = "firing" | "reminder" | "resolved";

export function initialStanding(nowMs: number): AlertStanding {
  return {
    state: "ok",
    sinceMs: nowMs,
    breachedSinceMs: null,
    clearSinceMs: null,
    incident: 0,
    notifiedAtMs: null,
    announced: false,
  };
}

export type Judgement = "breached" | "between" | "clear" | "no data";

export function judgeValue(value: number | null, { direction, threshold, clear }: Bounds): Judgement {
  if (value === null) return "no data";
  const beyond = direction === "above" ? value > threshold : value < threshold;
  if (beyond) return "breached";
  return (direction === "above" ? value <= clear : value >= clear) ? "clear" : "between";
}

/** @param silenced no announcement now. The state still changes, and an alert that still fires later is announced then */
export function advance(
  before: AlertStanding,
  judgement: Judgement,
  timing: AlertTiming,
  silenced: boolean,
  nowMs: number,
): { standing: AlertStanding; announcement: Announcement | null } {
  const standing = move(before, judgement, timing, nowMs);
  const announcement = silenced ? null : announcementOf(before, standing, timing, nowMs);
  if (announcement === null) return { standing, announcement };
  const announced = announcement !== "resolved";
  return { standing: { ...standing, announced, notifiedAtMs: nowMs }, announcement };
}

function move(before: AlertStanding, judgement: Judgement, timing: AlertTiming, nowMs: number): AlertStanding {
  if (judgement === "no data") return before;
  const breachedSinceMs = judgement === "breached" ? (before.breachedSinceMs ?? nowMs) : null;
  const clearSinceMs = judgement === "clear" ? (before.clearSinceMs ?? nowMs) : null;
  const looked = { ...before, breachedSinceMs, clearSinceMs };
  const enter = (state: AlertStateName): AlertStanding =>
    state === before.state ? looked : { ...looked, state, sinceMs: nowMs };

  if (before.state === "firing") {
    const cleared = clearSinceMs !== null && nowMs - clearSinceMs >= timing.clearForMinutes * MINUTE_MS;
    return cleared ? enter("resolved") : looked;
  }
  if (breachedSinceMs === null) return enter("ok");
  if (nowMs - breachedSinceMs < timing.forMinutes * MINUTE_MS) return enter("pending");
  return { ...enter("firing"), incident: before.incident + 1, announced: false };
}

function announcementOf(
  before: AlertStanding,
  after: AlertStanding,
  { renotifyMinutes }: AlertTiming,
  nowMs: number,
): Announcement | null {
  if (after.state === "resolved") return before.state === "firing" && before.announced ? "resolved" : null;
  if (after.state !== "firing") return null;
  if (!after.announced) return "firing";
  const toldMs = nowMs - (after.notifiedAtMs ?? nowMs);
  return renotifyMinutes > 0 && toldMs >= renotifyMinutes * MINUTE_MS ? "reminder" : null;
}
