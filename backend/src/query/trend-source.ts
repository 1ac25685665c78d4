// Chooses where a trend is counted: from the events, or from the continuous aggregates per minute and hour. Pure.
//
// The events are exact at any moment, including late arrivals. The aggregates are real-time only for data newer than the
// materialised buckets. An event that arrives late for a materialised bucket appears after the next refresh (one minute, ten
// minutes). The aggregates are therefore used only if the events cannot answer in time, or at all:
//   - only for `measure=events`, without a breakdown or by event name, because they hold nothing else. Distinct users of
//     several buckets or names do not add up;
//   - only if the range holds more than 250,000 events, or reaches back to events that are already deleted.

import type { TimeRange } from "../operation/parameters.ts";
import type { Dimension } from "./dimension.ts";

export type Interval = "minute" | "hour" | "day";
export type TrendSource = "events" | "event_minute" | "event_hour";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const INTERVAL_MS: Record<Interval, number> = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };
const SOURCE_MS = { event_minute: MINUTE_MS, event_hour: HOUR_MS };

/** Counting a million events takes 1 to 2 seconds on one core. An aggregate answers for ten million in a tenth of that time. */
const EXACT_EVENTS_MAX = 250_000;
/** Two days less than the retention of the events' chunks, so that no chunk is dropped during a query. */
const EVENTS_KEPT_MS = 88 * DAY_MS;

export interface TrendQuestion {
  measure: "events" | "users";
  breakdown: Dimension | undefined;
  interval: Interval;
  range: TimeRange;
  nowMs: number;
  wholeHours: boolean;
}

/** The aggregate that could answer, or null. */
export function usableAggregate(question: TrendQuestion): "event_minute" | "event_hour" | null {
  const { measure, breakdown, interval, range, wholeHours } = question;
  if (measure !== "events") return null;
  if (breakdown !== undefined && !(breakdown.kind === "named" && breakdown.name === "event")) return null;
  const aggregate = interval !== "minute" && wholeHours ? "event_hour" : "event_minute";
  const inner = innerRange(range, aggregate);
  return inner.fromMs < inner.toMs ? aggregate : null;
}

/** Approximate number of events of the range that each source holds. */
export interface Holdings {
  aggregated: number;
  /** Counted only if `reachesBeyondEvents`. May be smaller because old chunks are gone, or larger after a late import. */
  stored: number;
}

export function reachesBeyondEvents({ range, nowMs }: Pick<TrendQuestion, "range" | "nowMs">): boolean {
  return range.fromMs < nowMs - EVENTS_KEPT_MS;
}

export function chooseSource(question: TrendQuestion, { aggregated, stored }: Holdings): TrendSource {
  const aggregate = usableAggregate(question);
  if (aggregate === null) return "events";
  const gone = reachesBeyondEvents(question) && aggregated > stored;
  return gone || aggregated > EXACT_EVENTS_MAX ? aggregate : "events";
}

/** The whole buckets of the aggregate within the range. The rest at both ends is counted from the events. */
export function innerRange(range: TimeRange, aggregate: "event_minute" | "event_hour"): TimeRange {
  const bucketMs = SOURCE_MS[aggregate];
  return {
    fromMs: Math.ceil(range.fromMs / bucketMs) * bucketMs,
    toMs: Math.floor(range.toMs / bucketMs) * bucketMs,
  };
}
