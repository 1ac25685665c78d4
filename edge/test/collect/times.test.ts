// Tests times as clients write them. An event whose time is unreadable or too far off is stored under the time of receipt, with a
// warning. An event is never rejected for a time, only for a value of a wrong type. docs/API_DOCUMENTATION.md#sending-events.

import { describe, expect, it } from "vitest";
import { bearer, goodEvent, send } from "../client.ts";
import { type EventRow, eventTable, useTable } from "./table.ts";

const table = useTable("times");

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const ago = (ms: number) => new Date(Date.now() - ms).toISOString();

const today = new Date().toISOString().slice(0, 10);

const GOOD: [string, unknown][] = [
  ["UTC", ago(MINUTE_MS)],
  ["no fraction", ago(MINUTE_MS).replace(/\.\d+Z/, "Z")],
  ["nine digits of fraction", ago(MINUTE_MS).replace("Z", "123456Z")],
  ["an offset", `${ago(MINUTE_MS).slice(0, -1)}+00:00`],
  ["lower case", ago(MINUTE_MS).toLowerCase()],
  ["a space for the T", ago(MINUTE_MS).replace("T", " ")],
  ["date only", today],
  ["no zone", ago(MINUTE_MS).slice(0, -1)],
  ["epoch milliseconds", Date.now() - MINUTE_MS],
  ["with a fraction", Date.now() - MINUTE_MS + 0.5],
  ["29 days ago", ago(29 * DAY_MS)],
  ["23 hours ahead", ago(-23 * 60 * MINUTE_MS)],
  ["null", null],
];
const UNREADABLE: [string, unknown][] = [
  ["a word", "yesterday"],
  ["infinity", "infinity"],
  ["empty", ""],
  ["a month 13", "2026-13-01T00:00:00Z"],
  ["a day that does not exist", "2026-02-30T00:00:00Z"],
  ["an hour 24", "2026-01-01T24:00:00Z"],
  ["American", "11/25/2026"],
  ["RFC 2822", "Wed, 25 Nov 2026 10:00:00 GMT"],
  ["a number as a string", "1764065000000"],
  ["a negative number", -1],
  ["a very long string", "2".repeat(5_000)],
  ["week date", "2026-W48-3"],
  ["white space around", ` ${today} `],
];
const TOO_FAR: [string, unknown][] = [
  ["31 days ago", ago(31 * DAY_MS)],
  ["25 hours ahead", ago(-25 * 60 * MINUTE_MS)],
  ["epoch seconds by mistake", Math.floor(Date.now() / 1_000)],
  ["the year 1970", "1970-01-01T00:00:00Z"],
  ["the year 9999", "9999-12-31T23:59:59Z"],
];

describe("timestamp", () => {
  eventTable(table, [
    ...GOOD.map(([name, timestamp]): EventRow => ({ name, event: { timestamp } })),
    ...UNREADABLE.map(
      ([name, timestamp]): EventRow => ({
        name: `unreadable: ${name}`,
        event: { timestamp },
        warnings: [["timestamp_invalid", "/timestamp"]],
      }),
    ),
    ...TOO_FAR.map(
      ([name, timestamp]): EventRow => ({
        name: `too far off: ${name}`,
        event: { timestamp },
        warnings: [["timestamp_out_of_range", "/timestamp"]],
      }),
    ),
    ...["timestamp", "originalTimestamp", "sentAt"].flatMap((field) =>
      [true, {}, []].map(
        (value): EventRow => ({
          name: `${field} that is ${JSON.stringify(value)}`,
          event: { [field]: value },
          rejected: ["invalid_type", `/${field}`],
        }),
      ),
    ),
    { name: "originalTimestamp alone", event: { originalTimestamp: ago(MINUTE_MS) } },
    { name: "originalTimestamp unreadable", event: { originalTimestamp: "?" }, warnings: [["timestamp_invalid"]] },
    { name: "timestamp wins", event: { timestamp: ago(MINUTE_MS), originalTimestamp: "?" } },
    { name: "sentAt of the event unreadable", event: { sentAt: "?" } },
    {
      name: "a clock that is a year behind is corrected",
      event: { timestamp: ago(366 * DAY_MS), sentAt: ago(366 * DAY_MS - 1_000) },
    },
    {
      name: "a clock that is 4 minutes off is not corrected",
      event: { timestamp: ago(30 * DAY_MS + 2 * MINUTE_MS), sentAt: ago(4 * MINUTE_MS) },
      warnings: [["timestamp_out_of_range"]],
    },
  ]);
});

describe("a request", () => {
  const old = { timestamp: ago(366 * DAY_MS), sentAt: ago(366 * DAY_MS) };

  it("is not corrected when it is a retry", async () => {
    const headers = { ...bearer(table.publicKey), "X-Retry-Count": "1" };
    const answer = await send("/v1/track", { headers, body: goodEvent(old) });
    expect(answer.body.warnings).toMatchObject([{ code: "timestamp_out_of_range" }]);
  });

  it.concurrent.each(["0", "", "x", "-1"])("is corrected when X-Retry-Count is %j", async (count) => {
    const headers = { ...bearer(table.publicKey), "X-Retry-Count": count };
    expect((await send("/v1/track", { headers, body: goodEvent(old) })).body.warnings).toEqual([]);
  });

  it("gives its sentAt to every event of a batch", async () => {
    const { timestamp, sentAt } = old;
    const body = { batch: [goodEvent({ timestamp }), goodEvent({ timestamp })], sentAt };
    const answer = await send("/v1/batch", { headers: bearer(table.publicKey), body });
    expect(answer.body).toMatchObject({ accepted: 2, warnings: [] });
  });

  it("uses the event's sentAt if the batch has none", async () => {
    const answer = await send("/v1/batch", { headers: bearer(table.publicKey), body: { batch: [goodEvent(old)] } });
    expect(answer.body).toMatchObject({ accepted: 1, warnings: [] });
  });

  it.concurrent.each(["soon", 1e400, {}, null, true])("is accepted with a batch's sentAt of %j", async (sentAt) => {
    const body = { batch: [goodEvent({ timestamp: ago(MINUTE_MS) })], sentAt };
    const answer = await send("/v1/batch", { headers: bearer(table.publicKey), body });
    expect(answer.status).toBe(200);
    expect(answer.body.accepted).toBe(1);
    await table.expectGoodEventTaken();
  });

  it("accepts any time in the past only on the import path with a secret key", async () => {
    const body = () => ({ batch: [goodEvent({ timestamp: "2011-03-01" })] });
    const warnings = async (path: string, key: string) =>
      (await send(path, { headers: bearer(key), body: body() })).body.warnings.map(({ code }) => code);
    expect(await warnings("/v1/import", table.secretKey)).toEqual([]);
    expect(await warnings("/v1/import", table.publicKey)).toEqual(["timestamp_out_of_range"]);
    expect(await warnings("/v1/batch", table.secretKey)).toEqual(["timestamp_out_of_range"]);
  });

  it("accepts no time in the future on the import path", async () => {
    const body = { batch: [goodEvent({ timestamp: ago(-2 * DAY_MS) })] };
    const answer = await send("/v1/import", { headers: bearer(table.secretKey), body });
    expect(answer.body.warnings).toMatchObject([{ code: "timestamp_out_of_range" }]);
  });
});
