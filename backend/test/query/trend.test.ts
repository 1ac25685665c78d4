import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { queryApp } from "../../src/api/app.ts";
import { CALLER, openWarehouse, type Warehouse } from "./warehouse.ts";

let warehouse: Warehouse;
beforeAll(async () => {
  warehouse = await openWarehouse();
}, 60_000);
afterAll(() => warehouse.stop());

const data = async (path: string) => {
  const { status, body } = await warehouse.get(path);
  expect(status, JSON.stringify(body)).toBe(200);
  return body.data as { bucket: string; value: number; breakdown?: string }[];
};

describe("trend", () => {
  it("fills gaps with 0, from inclusive, to exclusive", async () => {
    await warehouse.store([
      { project: "p_test", time: "2026-03-01T10:00:00.000Z", event: "Gap" },
      { time: "2026-03-01T10:59:59.999Z", event: "Gap" },
      { time: "2026-03-01T12:00:00.000Z", event: "Gap" },
      { time: "2026-03-01T13:00:00.000Z", event: "Gap" },
      { project: "p_other", time: "2026-03-01T10:00:00.000Z", event: "Gap" },
    ]);
    expect(await data("/v1/query/trend?event=Gap&from=2026-03-01T10:00:00Z&to=2026-03-01T13:00:00Z")).toEqual([
      { bucket: "2026-03-01T10:00:00.000Z", value: 2 },
      { bucket: "2026-03-01T11:00:00.000Z", value: 0 },
      { bucket: "2026-03-01T12:00:00.000Z", value: 1 },
    ]);
  });

  it("separates the two hours that the end of summer time repeats, and makes that day 25 hours long", async () => {
    await warehouse.store([
      { time: "2026-10-25T00:30:00Z", event: "Autumn" },
      { time: "2026-10-25T01:30:00Z", event: "Autumn" },
      { time: "2026-10-25T22:30:00Z", event: "Autumn" },
      { time: "2026-10-25T23:00:00Z", event: "Autumn" },
    ]);
    const hours = await data(
      "/v1/query/trend?event=Autumn&interval=hour&timezone=Europe/Berlin&from=2026-10-25T00:00:00Z&to=2026-10-25T03:00:00Z",
    );
    expect(hours.map(({ value }) => value)).toEqual([1, 1, 0]);
    const days = await data(
      "/v1/query/trend?event=Autumn&interval=day&timezone=Europe/Berlin&from=2026-10-24T22:00:00Z&to=2026-10-27T23:00:00Z",
    );
    expect(days).toEqual([
      { bucket: "2026-10-24T22:00:00.000Z", value: 3 },
      { bucket: "2026-10-25T23:00:00.000Z", value: 1 },
      { bucket: "2026-10-26T23:00:00.000Z", value: 0 },
    ]);
  });

  it("supports time zones whose hours start at the half hour", async () => {
    const points = await data(
      "/v1/query/trend?event=None&interval=hour&timezone=Asia/Kolkata&from=2026-03-01T00:00:00Z&to=2026-03-01T02:00:00Z",
    );
    expect(points.map(({ bucket }) => bucket)).toEqual([
      "2026-02-28T23:30:00.000Z",
      "2026-03-01T00:30:00.000Z",
      "2026-03-01T01:30:00.000Z",
    ]);
  });

  it("breaks down by a dimension and by a property, and fills the gaps of each value", async () => {
    await warehouse.store([
      { time: "2026-04-01T10:00:00Z", event: "Plan", country: "DE", properties: { "plan's": "pro" } },
      { time: "2026-04-01T11:00:00Z", event: "Plan", country: "DE", properties: { "plan's": "pro" } },
      { time: "2026-04-01T11:00:00Z", event: "Plan", country: "FR", properties: { "plan's": "free" } },
      { time: "2026-04-01T11:00:00Z", event: "Plan", subject: "s2" },
    ]);
    const range = "event=Plan&from=2026-04-01T10:00:00Z&to=2026-04-01T12:00:00Z";
    const expected = (first: string, second: string) => [
      { bucket: "2026-04-01T10:00:00.000Z", value: 1, breakdown: first },
      { bucket: "2026-04-01T10:00:00.000Z", value: 0, breakdown: second },
      { bucket: "2026-04-01T11:00:00.000Z", value: 1, breakdown: first },
      { bucket: "2026-04-01T11:00:00.000Z", value: 1, breakdown: second },
    ];
    expect(await data(`/v1/query/trend?${range}&breakdown=country`)).toEqual(expected("DE", "FR"));
    expect(await data(`/v1/query/trend?${range}&breakdown=properties.plan's`)).toEqual(expected("pro", "free"));
    expect(await data(`/v1/query/trend?${range}&measure=users&interval=day`)).toEqual([
      { bucket: "2026-04-01T00:00:00.000Z", value: 2 },
    ]);
  });

  it("keeps the 20 most frequent values of a breakdown", async () => {
    await warehouse.store(
      Array.from({ length: 30 }, (_, n) =>
        Array.from({ length: n + 1 }, () => ({ time: "2026-04-02T10:00:00Z", event: "Many", properties: { n } })),
      ).flat(),
    );
    const points = await data(
      "/v1/query/trend?event=Many&breakdown=properties.n&from=2026-04-02T10:00:00Z&to=2026-04-02T11:00:00Z",
    );
    expect(points.map(({ breakdown }) => breakdown)).toEqual(Array.from({ length: 20 }, (_, i) => String(29 - i)));
  });

  it("shows an event that was just stored in the current bucket", async () => {
    await warehouse.store([{ time: Date.now(), event: "Fresh" }]);
    const points = await data("/v1/query/trend?event=Fresh");
    expect(points.at(-1)?.value).toBe(1);
    expect(points).toHaveLength(25);
  });

  it("returns the same from the aggregates after the events were deleted, also for a range that starts within an hour", async () => {
    const project = "p_aged";
    const start = Date.parse("2026-08-01T10:00:30Z");
    const aged = { project, event: "Agg" };
    await warehouse.store(Array.from({ length: 60 }, (_, n) => ({ ...aged, time: start + n * 7 * 60_000 })));
    for (const name of ["event_minute", "event_hour"]) {
      await warehouse.sql.unsafe(`call refresh_continuous_aggregate('${name}', '2026-08-01', '2026-08-03')`);
    }
    const app = queryApp({ ...warehouse.parts, nowMs: () => Date.parse("2027-03-01T00:00:00Z") });
    const ask = async (query: string) => {
      const response = await app.request(`/v1/query/trend?${query}`, { headers: { ...CALLER, "x-project": project } });
      return ((await response.json()) as { data: { value: number }[] }).data;
    };
    const ragged = "from=2026-08-01T10:14:40Z&to=2026-08-01T15:03:20Z";
    const queries = [
      `${ragged}&interval=hour`,
      `${ragged}&interval=hour&timezone=Asia/Kolkata`,
      `${ragged}&interval=minute&event=Agg`,
      "from=2026-08-01T00:00:00Z&to=2026-08-03T00:00:00Z&interval=day&breakdown=event",
    ];
    const exact = await Promise.all(queries.map(ask));
    // Deletes as retention does, in the middle of the requested range: only the aggregates still have these four hours.
    await warehouse.sql`
      delete from event where project = ${project} and time >= '2026-08-01T11:00Z' and time < '2026-08-01T15:00Z'`;
    expect(await Promise.all(queries.map(ask))).toEqual(exact);
    expect(exact.map((points) => points.reduce((total, { value }) => total + value, 0))).toEqual([41, 41, 41, 60]);
  });

  it.each([
    ["interval=minute&from=2026-01-01&to=2026-01-08", "/interval"],
    ["interval=week", "/interval"],
    ["timezone=Europe/Nowhere", "/timezone"],
    ["timezone=%2B02:00", "/timezone"],
    ["breakdown=subject", "/breakdown"],
    ["breakdown=properties.", "/breakdown"],
    ["measure=sum", "/measure"],
    ["from=tomorrow", "/from"],
    ["from=2026-01-02&to=2026-01-01", "/from"],
    ["event=%00", "/event"],
    ["event=a&event=b", "/event"],
  ])("refuses %s", async (query, pointer) => {
    const { status, body } = await warehouse.get(`/v1/query/trend?${query}`);
    expect([status, body.code, body.pointer]).toEqual([400, "invalid_parameter", pointer]);
    expect(warehouse.faults).toEqual([]);
  });
});
