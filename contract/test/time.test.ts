// Tests times as clients write them, and the time under which an event is stored. docs/API_DOCUMENTATION.md#sending-events.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventTime, LIMITS, parseTime } from "../src/index.ts";

const utc = (...parts: [number, number, number?, number?, number?, number?, number?]) =>
  Date.UTC(parts[0], parts[1] - 1, ...(parts.slice(2) as []));

describe("parseTime reads", () => {
  it.each<[string | number, number]>([
    ["2026-11-25", utc(2026, 11, 25)],
    ["2026-11-25T10:20", utc(2026, 11, 25, 10, 20)],
    ["2026-11-25T10:20:30", utc(2026, 11, 25, 10, 20, 30)],
    ["2026-11-25T10:20:30Z", utc(2026, 11, 25, 10, 20, 30)],
    ["2026-11-25t10:20:30z", utc(2026, 11, 25, 10, 20, 30)],
    ["2026-11-25 10:20:30Z", utc(2026, 11, 25, 10, 20, 30)],
    ["2026-11-25T10:20:30.1Z", utc(2026, 11, 25, 10, 20, 30, 100)],
    ["2026-11-25T10:20:30.12Z", utc(2026, 11, 25, 10, 20, 30, 120)],
    ["2026-11-25T10:20:30.123Z", utc(2026, 11, 25, 10, 20, 30, 123)],
    ["2026-11-25T10:20:30.1239Z", utc(2026, 11, 25, 10, 20, 30, 123)],
    ["2026-11-25T10:20:30.123456789Z", utc(2026, 11, 25, 10, 20, 30, 123)],
    ["2026-11-25T10:20:30.999999999999Z", utc(2026, 11, 25, 10, 20, 30, 999)],
    ["2026-11-25T10:20:30,5Z", utc(2026, 11, 25, 10, 20, 30, 500)],
    ["2026-11-25T10:20:30+02:00", utc(2026, 11, 25, 8, 20, 30)],
    ["2026-11-25T10:20:30-05:30", utc(2026, 11, 25, 15, 50, 30)],
    ["2026-11-25T10:20:30+0200", utc(2026, 11, 25, 8, 20, 30)],
    ["2026-11-25T10:20:30-00:00", utc(2026, 11, 25, 10, 20, 30)],
    ["2026-11-25T00:30:00+01:00", utc(2026, 11, 24, 23, 30)],
    ["2026-12-31T23:30:00-01:00", utc(2027, 1, 1, 0, 30)],
    ["2024-02-29T00:00:00Z", utc(2024, 2, 29)],
    ["2000-02-29", utc(2000, 2, 29)],
    ["2016-12-31T23:59:60Z", utc(2017, 1, 1)],
    ["1970-01-01T00:00:00Z", 0],
    ["9999-12-31T23:59:59.999Z", utc(9999, 12, 31, 23, 59, 59, 999)],
    [0, 0],
    [1_764_066_030_123, 1_764_066_030_123],
    [1_764_066_030_123.9, 1_764_066_030_123],
  ])("%j", (value, expected) => {
    expect(parseTime(value)).toBe(expected);
  });
});

describe("parseTime refuses", () => {
  const texts = [
    "",
    " ",
    "now",
    "today",
    "tomorrow",
    "yesterday",
    "infinity",
    "-infinity",
    "epoch",
    "NaN",
    "null",
    "0",
    "1764066030123",
    "2026",
    "2026-11",
    "20261125",
    "2026-11-25T",
    "2026-11-25T10",
    "2026-11-25T10Z",
    "2026-11-25T10:20:30.Z",
    "2026-11-25T10:20:30.123Z ",
    " 2026-11-25",
    "2026-11-25\n",
    "2026-11-25Z",
    "2026-11-25+02:00",
    "2026-1-5",
    "26-11-25",
    "02026-11-25",
    "+002026-11-25",
    "-2026-11-25",
    "2026/11/25",
    "25.11.2026",
    "11/25/2026",
    "2026-W48-3",
    "2026-329",
    "2026-00-10",
    "2026-13-10",
    "2026-01-00",
    "2026-01-32",
    "2026-02-29",
    "2100-02-29",
    "2026-04-31",
    "2026-11-25T24:00:00Z",
    "2026-11-25T25:00:00Z",
    "2026-11-25T10:60:00Z",
    "2026-11-25T10:20:61Z",
    "2026-11-25T10:20:30+24:00",
    "2026-11-25T10:20:30+02:60",
    "2026-11-25T10:20:30+2:00",
    "2026-11-25T10:20:30 UTC",
    "2026-11-25T10:20:30[Europe/Zagreb]",
    "Wed, 25 Nov 2026 10:20:30 GMT",
    "Nov 25 2026",
    "1969-12-31T23:59:59Z",
    "1970-01-01T00:00:00+01:00",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-01:00",
    "２０２６-11-25",
    "2026-11-25T10:20:30Z\u0000",
    `2026-11-25T10:20:30.${"1".repeat(100)}Z`,
  ];
  it.each(texts)("%j", (text) => {
    expect(parseTime(text)).toBeNull();
  });

  const values = [
    -1,
    -0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    1e18,
    null,
    undefined,
    true,
    {},
    [],
    [0],
    new Date(),
    1n,
  ];
  it.each(values)("a value that is %s", (value) => {
    expect(parseTime(value)).toBeNull();
  });
});

describe("parseTime and the language agree", () => {
  const earliest = new Date(0);
  const latest = new Date("9999-12-31T23:59:59.999Z");

  it("on every ISO text", () => {
    fc.assert(
      fc.property(fc.date({ min: earliest, max: latest, noInvalidDate: true }), (date) => {
        expect(parseTime(date.toISOString())).toBe(date.getTime());
        expect(parseTime(date.getTime())).toBe(date.getTime());
      }),
    );
  });

  it("on every offset", () => {
    const offset = fc.record({ sign: fc.constantFrom("+", "-"), hours: fc.nat(23), minutes: fc.nat(59) });
    const date = fc.date({ min: new Date("1971-01-01"), max: new Date("9998-01-01"), noInvalidDate: true });
    const two = (value: number) => String(value).padStart(2, "0");
    fc.assert(
      fc.property(date, offset, (instant, { sign, hours, minutes }) => {
        const text = `${instant.toISOString().slice(0, -1)}${sign}${two(hours)}:${two(minutes)}`;
        expect(parseTime(text)).toBe(Date.parse(text));
      }),
    );
  });

  it("on every day of a calendar, and on none that is not there", () => {
    for (const year of [1999, 2000, 2023, 2024, 2100]) {
      for (let month = 1; month <= 13; month++) {
        for (let day = 0; day <= 32; day++) {
          const text = `${year}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
          const date = new Date(Date.UTC(year, month - 1, day));
          const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && month <= 12;
          expect(parseTime(text), text).toBe(exists ? date.getTime() : null);
        }
      }
    }
  });

  it("whatever text comes, it neither throws nor guesses", () => {
    const near = fc.stringMatching(/^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,+\-Zz]{0,20}$/);
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), near), (text) => {
        const ms = parseTime(text);
        if (ms === null) return;
        expect(Number.isInteger(ms)).toBe(true);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(latest.getTime());
      }),
    );
  });
});

describe("eventTime", () => {
  const NOW = utc(2026, 11, 25, 12);
  const MINUTE = 60_000;
  const DAY = 24 * 60 * MINUTE;
  const iso = (ms: number) => new Date(ms).toISOString();
  interface Row {
    name: string;
    timestamp?: unknown;
    sentAt?: unknown;
    isRetry?: boolean;
    anyPast?: boolean;
    timeMs: number;
    originalMs?: number | null;
    warning?: "timestamp_invalid" | "timestamp_out_of_range";
  }
  const rows: Row[] = [
    { name: "no timestamp", timeMs: NOW, originalMs: null },
    { name: "null", timestamp: null, timeMs: NOW, originalMs: null },
    { name: "unreadable", timestamp: "x", timeMs: NOW, originalMs: null, warning: "timestamp_invalid" },
    { name: "of another type", timestamp: {}, timeMs: NOW, originalMs: null, warning: "timestamp_invalid" },
    { name: "an hour ago", timestamp: iso(NOW - 60 * MINUTE), timeMs: NOW - 60 * MINUTE },
    { name: "sentAt unreadable", timestamp: iso(NOW - MINUTE), sentAt: "x", timeMs: NOW - MINUTE },
    {
      name: "a clock 5 min behind is left alone",
      timestamp: iso(NOW - 6 * MINUTE),
      sentAt: iso(NOW - 5 * MINUTE),
      timeMs: NOW - 6 * MINUTE,
    },
    {
      name: "5 min and a bit is corrected",
      timestamp: iso(NOW - 6 * MINUTE),
      sentAt: iso(NOW - 5 * MINUTE - 1),
      timeMs: NOW - 6 * MINUTE + 5 * MINUTE + 1,
    },
    { name: "a clock a year behind", timestamp: iso(NOW - 366 * DAY), sentAt: iso(NOW - 365 * DAY), timeMs: NOW - DAY },
    { name: "a clock a year ahead", timestamp: iso(NOW + 364 * DAY), sentAt: iso(NOW + 365 * DAY), timeMs: NOW - DAY },
    {
      name: "a retry is not corrected",
      timestamp: iso(NOW - DAY),
      sentAt: iso(NOW - DAY),
      isRetry: true,
      timeMs: NOW - DAY,
    },
    { name: "30 days ago", timestamp: iso(NOW - 30 * DAY), timeMs: NOW - 30 * DAY },
    {
      name: "30 days and a bit",
      timestamp: iso(NOW - 30 * DAY - 1),
      timeMs: NOW,
      originalMs: NOW - 30 * DAY - 1,
      warning: "timestamp_out_of_range",
    },
    { name: "any past", timestamp: iso(NOW - 5_000 * DAY), anyPast: true, timeMs: NOW - 5_000 * DAY },
    { name: "24 hours ahead", timestamp: iso(NOW + DAY), timeMs: NOW + DAY },
    {
      name: "24 hours and a bit",
      timestamp: iso(NOW + DAY + 1),
      timeMs: NOW,
      originalMs: NOW + DAY + 1,
      warning: "timestamp_out_of_range",
    },
    {
      name: "any past is no future",
      timestamp: iso(NOW + 2 * DAY),
      anyPast: true,
      timeMs: NOW,
      originalMs: NOW + 2 * DAY,
      warning: "timestamp_out_of_range",
    },
    {
      name: "corrected before the epoch",
      timestamp: 5,
      sentAt: NOW + DAY,
      anyPast: true,
      timeMs: NOW,
      originalMs: 5,
      warning: "timestamp_out_of_range",
    },
    { name: "corrected into range", timestamp: iso(NOW - 100 * DAY), sentAt: iso(NOW - 99 * DAY), timeMs: NOW - DAY },
  ];
  it.each(rows)("$name", (row) => {
    const { timestamp, sentAt, isRetry = false, anyPast = false } = row;
    expect(eventTime({ timestamp, sentAt, receivedAtMs: NOW, isRetry, anyPast })).toEqual({
      timeMs: row.timeMs,
      originalMs: row.originalMs === undefined ? parseTime(timestamp) : row.originalMs,
      sentAtMs: parseTime(sentAt),
      warning: row.warning ?? null,
    });
  });

  it("is always within what is tolerated, and the same for the same copy", () => {
    const time = fc
      .oneof(fc.date(), fc.string(), fc.integer(), fc.constant(undefined))
      .map((value) => (value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : value));
    fc.assert(
      fc.property(time, time, fc.boolean(), (timestamp, sentAt, isRetry) => {
        const client = { timestamp, sentAt, receivedAtMs: NOW, isRetry, anyPast: false };
        const { timeMs } = eventTime(client);
        expect(timeMs).toBeLessThanOrEqual(NOW + LIMITS.futureToleratedMs);
        expect(timeMs).toBeGreaterThanOrEqual(NOW - LIMITS.pastToleratedMs);
        expect(eventTime(client)).toEqual(eventTime(client));
      }),
    );
  });
});
