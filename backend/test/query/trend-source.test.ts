// Tests the source of a trend: the events, which are exact, while counting them is fast, and otherwise the aggregates.

import { expect, it } from "vitest";
import { chooseSource, type TrendQuestion } from "../../src/query/trend-source.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 25, 12);

const week: TrendQuestion = {
  measure: "events",
  breakdown: undefined,
  interval: "day",
  range: { fromMs: NOW_MS - 7 * DAY_MS, toMs: NOW_MS },
  nowMs: NOW_MS,
  wholeHours: true,
};
const year: TrendQuestion = { ...week, range: { fromMs: NOW_MS - 365 * DAY_MS, toMs: NOW_MS } };

it.each<[name: string, question: TrendQuestion, aggregated: number, stored: number, source: string]>([
  ["few events", week, 250_000, 250_000, "events"],
  ["many events", week, 250_001, 250_001, "event_hour"],
  ["many events, by the minute", { ...week, interval: "minute" }, 250_001, 250_001, "event_minute"],
  ["many events, in a time zone with half hours", { ...week, wholeHours: false }, 250_001, 250_001, "event_minute"],
  [
    "many events, by event name",
    { ...week, breakdown: { kind: "named", name: "event" } },
    250_001,
    250_001,
    "event_hour",
  ],
  ["users, for any number of events", { ...week, measure: "users" }, 9_000_000, 9_000_000, "events"],
  [
    "another breakdown, for any number of events",
    { ...week, breakdown: { kind: "named", name: "country" } },
    9_000_000,
    9_000_000,
    "events",
  ],
  ["few events, some already deleted", year, 1_000, 900, "event_hour"],
  ["few events, none deleted", year, 1_000, 1_000, "events"],
])("%s", (_name, question, aggregated, stored, source) => {
  expect(chooseSource(question, { aggregated, stored })).toBe(source);
});
