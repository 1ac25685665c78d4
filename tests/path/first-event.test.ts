// The main path: an event sent by a plain client is in every tier once, and every way of reading shows it.

import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Pipeline } from "../harness/pipeline.ts";
import { queryCold, settledFaults } from "../harness/stores.ts";

let pipeline: Pipeline;

beforeAll(async () => {
  pipeline = await Pipeline.start();
});

afterAll(async () => {
  await pipeline?.remove();
});

async function post(path: string, body: unknown, key = pipeline.keys.publicKey) {
  const answer = await fetch(`${pipeline.origin}${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

async function until<T>(read: () => Promise<T>, holds: (value: T) => boolean, withinMs = 30_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await read();
    if (holds(value) || Date.now() > deadline) return value;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

describe("the first event", () => {
  const ids = { track: randomUUID(), page: randomUUID(), identify: randomUUID(), batched: randomUUID() };
  const sent = new Set(Object.values(ids));

  it("is accepted on every path that takes events, and once only", async () => {
    const track = {
      event: "Order Completed",
      anonymousId: "device-1",
      messageId: ids.track,
      properties: { total: 59.5 },
    };
    expect(await post("/v1/track", track)).toMatchObject({ status: 200, body: { accepted: 1, duplicates: 0 } });
    expect(await post("/v1/track", track)).toMatchObject({ status: 200, body: { accepted: 0, duplicates: 1 } });
    const page = {
      name: "Shop",
      anonymousId: "device-1",
      messageId: ids.page,
      properties: { url: "https://shop.example/sale?utm_source=news&utm_medium=email", path: "/sale", title: "Sale" },
    };
    expect(await post("/v1/page", page)).toMatchObject({ status: 200, body: { accepted: 1 } });
    const identify = {
      userId: "customer-7",
      anonymousId: "device-1",
      messageId: ids.identify,
      traits: { plan: "pro" },
    };
    expect(await post("/v1/identify", identify)).toMatchObject({ status: 200, body: { accepted: 1 } });
    const item = {
      type: "track",
      event: "Product Viewed",
      userId: "customer-7",
      anonymousId: "device-1",
      messageId: ids.batched,
    };
    expect(await post("/v1/batch", { batch: [item, { type: "track", userId: "customer-7" }] })).toMatchObject({
      status: 200,
      body: { accepted: 1, rejected: [{ index: 1, code: "missing_field" }] },
    });
  });

  it("is in each tier once", async () => {
    expect(await settledFaults(() => pipeline.endpoints, pipeline.keys.project, sent, sent, 60_000)).toEqual([]);
  });

  it("is read by any Postgres client, as the view promises", async () => {
    const sql = postgres(pipeline.endpoints.database, { max: 1, onnotice: () => {} });
    const [row] = await sql`
      select project, type, event, path, utm_source, utm_medium, consent, is_bot, subject, properties->>'title' as title,
        abs(extract(epoch from now() - time)) < 600 as recent
      from events where message_id = ${ids.page}`;
    await sql.end();
    expect(row).toMatchObject({
      project: pipeline.keys.project,
      type: "page",
      event: "Shop",
      path: "/sale",
      utm_source: "news",
      utm_medium: "email",
      consent: "accept",
      title: "Sale",
      recent: true,
    });
    expect(row?.subject).toMatch(/^[0-9a-f]{32}$/);
  });

  it("is read by DuckDB with real types", async () => {
    const [row] = await queryCold<Record<string, unknown>>(
      pipeline.endpoints,
      pipeline.keys.project,
      `select typeof(time) as time_type, typeof(properties) as properties_type, is_bot,
        json_extract(properties, '$.total')::double as total from events where message_id = '${ids.track}'`,
    );
    expect(String(row?.time_type)).toMatch(/^TIMESTAMP/);
    expect(row).toMatchObject({ properties_type: "JSON", total: 59.5 });
  });

  it("is in every answer of the query API", async () => {
    const realtime = await until(
      () => pipeline.read("/v1/query/realtime?minutes=5"),
      ({ body }) => JSON.stringify(body).includes("Order Completed"),
    );
    const data = (
      realtime.body as { data: { activeUsers: number; perMinute: { events: number }[]; topPages: unknown[] } }
    ).data;
    expect(data.perMinute.reduce((sum, { events }) => sum + events, 0)).toBe(sent.size);
    expect(data.activeUsers).toBeGreaterThanOrEqual(1);
    const events = await pipeline.read("/v1/events?limit=10");
    const found = (events.body as { data: { messageId: string }[] }).data.map(({ messageId }) => messageId);
    expect(new Set(found)).toEqual(sent);
    const trend = await pipeline.read("/v1/query/trend?event=Order%20Completed&interval=hour");
    const total = (trend.body as { data: { value: number }[] }).data.reduce((sum, { value }) => sum + value, 0);
    expect(total).toBe(1);
    const top = await pipeline.read("/v1/query/top?by=event");
    expect((top.body as { data: unknown }).data).toContainEqual({ value: "Order Completed", count: 1, users: 1 });
  });

  it("is found by its user, under the surrogate that both ids share", async () => {
    const byUser = await pipeline.read("/v1/events?userId=customer-7");
    const byDevice = await pipeline.read("/v1/events?anonymousId=device-1");
    const idsOf = ({ body }: { body: unknown }) =>
      (body as { data: { messageId: string }[] }).data.map((e) => e.messageId);
    expect(new Set(idsOf(byUser))).toEqual(sent);
    expect(new Set(idsOf(byDevice))).toEqual(sent);
  });

  it("has its location in the API", async () => {
    const where = await until(
      () => pipeline.read(`/v1/events/${ids.track}`),
      ({ body }) => (body as { data?: { cold?: string } }).data?.cold !== undefined,
    );
    const stages = (where.body as { data: Record<string, string> }).data;
    for (const stage of ["accepted", "flushed", "processed", "hot", "warm", "cold"]) {
      expect(Date.parse(stages[stage] ?? ""), stage).toBeGreaterThan(Date.now() - 600_000);
    }
    expect((await pipeline.read("/v1/events/never-sent")).status).toBe(404);
  });

  it("is read with a secret key only", async () => {
    const withPublic = await fetch(`${pipeline.origin}/v1/query/realtime`, {
      headers: { Authorization: `Bearer ${pipeline.keys.publicKey}` },
    });
    expect(withPublic.status).toBe(403);
    expect((await fetch(`${pipeline.origin}/v1/events`)).status).toBe(401);
  });
});
