// Tests alert rules from the admin routes to the receiver, on a real database, a real HTTPS receiver and an SNS emulator.

import { createHmac } from "node:crypto";
import { CreateTopicCommand, type SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { startAws } from "../../../local/index.ts";
import { sender } from "../../src/alerting/channel.ts";
import { deliverDue } from "../../src/alerting/deliver.ts";
import { evaluateAlerts } from "../../src/alerting/evaluate.ts";
import { alertNotification, alertRule, alertState } from "../../src/alerting/schema.ts";
import { snsClient } from "../../src/aws.ts";
import { readConfig } from "../../src/config.ts";
import { createProject } from "../../src/projects/projects.ts";
import { openWarehouse, PROJECT, type Warehouse } from "../query/warehouse.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

// A busy machine must not fail these tests.
vi.setConfig({ testTimeout: 60_000 });

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A Wednesday at noon. Tests advance the time from here. */
const START_MS = Date.parse("2026-11-25T12:00:00Z");
const SIGNING_KEY = "a secret of at least thirty-two characters";

let aws: Awaited<ReturnType<typeof startAws>>;
let sns: SNSClient;
let receiver: Receiver;
let warehouse: Warehouse;
let nowMs = START_MS;
let tenant: string;

beforeAll(async () => {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
  [aws, receiver] = await Promise.all([startAws({ parts: ["s3"] }), startReceiver()]);
  sns = snsClient(readConfig({ SNS_ENDPOINT: aws.s3 }));
  const alerts = { send: sender({ sns, webhook: receiver.options }), signingKey: SIGNING_KEY };
  warehouse = await openWarehouse({ alerts, nowMs: () => nowMs });
  await createProject(warehouse.parts.database, { name: "Operator" }, null, PROJECT);
  tenant = (await warehouse.send("POST", "/v1/admin/projects", { name: "Tenant" })).body.data.id;
}, 60_000);
afterAll(async () => {
  await warehouse.stop();
  sns.destroy();
  await Promise.all([aws.stop(), receiver.stop()]);
});
beforeEach(async () => {
  nowMs = START_MS;
  receiver.received.length = 0;
  receiver.answer = (response) => response.writeHead(204).end();
  const { sql, database } = warehouse.parts;
  await database.delete(alertRule);
  await sql`truncate flow_minute`;
  await sql`delete from event`;
});

const TREND = { kind: "trend", operator: "above", threshold: 10, clearThreshold: 5, windowMinutes: 5 };
const AT_ONCE = { forMinutes: 0, clearForMinutes: 0, renotifyMinutes: 0 };

async function createRule(input: Record<string, unknown> = {}) {
  const whole = { name: "Too many", condition: TREND, timing: AT_ONCE, channels: [webhook()], ...input };
  const answer = await warehouse.send("POST", "/v1/admin/alerts", whole);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body.data;
}
const webhook = () => ({ kind: "webhook", url: receiver.url });

/** Runs the alert function once. */
async function run() {
  const { sql, database, alerts } = warehouse.parts;
  const faults: unknown[] = [];
  const parts = { sql, database, nowMs: () => nowMs, random: () => 0.5, ...alerts };
  const evaluated = await evaluateAlerts({ ...parts, report: (fault) => faults.push(fault) }, () => 60_000);
  expect(faults).toEqual([]);
  return { ...evaluated, ...(await deliverDue(parts, () => 60_000)) };
}

/** Stores events within the window that ends two minutes ago. */
const storeEvents = (count: number, minutesAgo = 3, fields = {}) =>
  warehouse.store(Array.from({ length: count }, () => ({ time: nowMs - minutesAgo * MINUTE_MS, ...fields })));

const told = () => receiver.received.map(({ body }) => JSON.parse(body));
const stateOf = async (id: string) => (await warehouse.get(`/v1/admin/alerts/${id}`)).body.data.state;

describe("rules", () => {
  it("are created with defaults, listed, changed and deleted", async () => {
    const made = await createRule({ timing: undefined });
    expect(made).toMatchObject({
      projectId: PROJECT,
      condition: { ...TREND, measure: "events", aggregate: "sum", interval: "minute", timezone: "UTC" },
      timing: { forMinutes: 2, clearForMinutes: 5, renotifyMinutes: 240 },
      enabled: true,
      state: null,
      signingSecret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
    });
    const path = `/v1/admin/alerts/${made.id}`;
    const changed = await warehouse.send("PATCH", path, { timing: { forMinutes: 7 }, silencedUntil: "2026-12-01" });
    expect(changed.body.data).toMatchObject({
      timing: { forMinutes: 7, clearForMinutes: 5 },
      silencedUntil: "2026-12-01T00:00:00.000Z",
    });
    expect(changed.body.data.signingSecret).toBeUndefined();
    const rotated = await warehouse.send("PATCH", path, { rotateSecret: true });
    expect(rotated.body.data.signingSecret).not.toBe(made.signingSecret);
    expect((await warehouse.get("/v1/admin/alerts")).body.data.map(({ id }: { id: string }) => id)).toEqual([made.id]);
    expect((await warehouse.send("DELETE", path)).status).toBe(200);
    expect((await warehouse.get(path)).status).toBe(404);
  });

  it.each([
    [{ condition: { kind: "weather" } }, "/condition/kind"],
    [{ condition: { ...TREND, clearThreshold: 11 } }, "/condition/clearThreshold"],
    [{ condition: { ...TREND, threshhold: 1 } }, "/condition/threshhold"],
    [{ condition: { ...TREND, breakdown: "secret; drop table" } }, "/condition/breakdown"],
    [{ condition: { ...TREND, windowMinutes: 2_000 } }, "/condition/interval"],
    [{ condition: { kind: "volume", direction: "drop", percent: 50, timezone: "Mars" } }, "/condition/timezone"],
    [{ timing: { forMinutes: -1 } }, "/timing/forMinutes"],
    [{ channels: [{ kind: "webhook", url: "http://hooks.example.com/" }] }, "/channels/0/url"],
    [{ channels: [{ kind: "webhook", url: "https://169.254.169.254/" }] }, "/channels/0/url"],
    [{ channels: [{ kind: "sns", topicArn: "arn:aws:sns:us-east-1:000000000000:other" }] }, "/channels/0/topicArn"],
    [{ projectId: "p_nobody" }, "/projectId"],
  ])("are refused with %j", async (input, pointer) => {
    const whole = { name: "x", condition: TREND, ...input };
    const { status, body } = await warehouse.send("POST", "/v1/admin/alerts", whole);
    expect([status, body.code, body.pointer]).toEqual([400, "invalid_parameter", pointer]);
  });

  it("of other projects look as if they did not exist", async () => {
    const own = await createRule();
    const asTenant = { "x-project": tenant };
    for (const [method, path, body] of [
      ["GET", `/v1/admin/alerts/${own.id}`, undefined],
      ["PATCH", `/v1/admin/alerts/${own.id}`, { enabled: false }],
      ["DELETE", `/v1/admin/alerts/${own.id}`, undefined],
      ["POST", `/v1/admin/alerts/${own.id}/test`, undefined],
    ] as const) {
      expect((await warehouse.send(method, path, body, asTenant)).status).toBe(404);
    }
    expect((await warehouse.get("/v1/admin/alerts", asTenant)).body.data).toEqual([]);
    const onBehalf = await createRule({ projectId: tenant });
    expect((await warehouse.get("/v1/admin/alerts", asTenant)).body.data).toMatchObject([{ id: onBehalf.id }]);
    expect((await warehouse.get("/v1/admin/alerts", { "x-scopes": "read" })).status).toBe(403);
  });
});

describe("a notification", () => {
  it("is signed so that the receiver can verify it, and is sent once", async () => {
    const { id, signingSecret } = await createRule();
    await storeEvents(11);
    expect(await run()).toMatchObject({ evaluated: 1, firing: 1, announced: 1, delivered: 1 });
    expect(await run()).toMatchObject({ firing: 1, announced: 0, delivered: 0 });
    const [{ headers, body }] = receiver.received as [Receiver["received"][number]];
    const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`;
    const key = Buffer.from(signingSecret.slice("whsec_".length), "base64");
    expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
    expect(headers["webhook-timestamp"]).toBe(String(START_MS / 1_000));
    expect(JSON.parse(body)).toMatchObject({
      id: headers["webhook-id"],
      type: "alert.firing",
      data: { alert: { id, name: "Too many", projectId: PROJECT }, state: "firing", value: 11, threshold: 10 },
    });
    expect(await stateOf(id)).toMatchObject({ state: "firing", value: 11, threshold: 10 });
    nowMs += 10 * MINUTE_MS;
    await run();
    expect(told().map(({ type }) => type)).toEqual(["alert.firing", "alert.resolved"]);
  });

  it("is retried after increasing pauses, under the same id, until it is delivered", async () => {
    await createRule();
    await storeEvents(11);
    receiver.answer = (response) => response.writeHead(500).end();
    expect(await run()).toMatchObject({ delivered: 0, undelivered: 1 });
    expect(await run()).toMatchObject({ delivered: 0, undelivered: 0 });
    nowMs += 31_000;
    expect(await run()).toMatchObject({ undelivered: 1 });
    nowMs += 31_000;
    expect(await run()).toMatchObject({ undelivered: 0 });
    receiver.answer = (response) => response.writeHead(200).end();
    nowMs += 31_000;
    expect(await run()).toMatchObject({ delivered: 1 });
    expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(receiver.received).toHaveLength(3);
  });

  it("fails permanently after the last attempt, and keeps the reason", async () => {
    await createRule();
    await storeEvents(11);
    receiver.answer = (response) => response.writeHead(410).end();
    let givenUp = 0;
    for (let tries = 0; tries < 20 && givenUp === 0; tries++, nowMs += 3_600_000 * 1.5) givenUp = (await run()).givenUp;
    expect(givenUp).toBe(1);
    // In these hours the incident is announced again, or ends. Those notifications have attempts left.
    const rows = await warehouse.parts.database.select().from(alertNotification);
    const row = rows.find(({ givenUpAt }) => givenUpAt !== null);
    expect(row).toMatchObject({ attempts: 14, lastError: "answered 410" });
  });

  it("is sent once by concurrent runs", async () => {
    await createRule();
    await storeEvents(11);
    await Promise.all([run(), run(), run()]);
    expect(receiver.received).toHaveLength(1);
  });

  it("is sent again a minute after its sender crashed", async () => {
    await createRule();
    await storeEvents(11);
    const { sql, database, alerts } = warehouse.parts;
    await evaluateAlerts({ sql, database, nowMs: () => nowMs, report: () => {} }, () => 60_000);
    const dies = {
      database,
      nowMs: () => nowMs,
      signingKey: alerts.signingKey,
      send: () => Promise.reject(new Error("killed")),
    };
    await expect(deliverDue(dies, () => 60_000)).rejects.toThrow("killed");
    expect(await run()).toMatchObject({ delivered: 0 });
    nowMs += MINUTE_MS;
    expect(await run()).toMatchObject({ delivered: 1 });
  });

  it("reaches a topic", async () => {
    const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: `behaviour-alerts-${PROJECT}` }));
    const { id } = await createRule({ channels: [{ kind: "sns", topicArn: TopicArn }] });
    const { body } = await warehouse.send("POST", `/v1/admin/alerts/${id}/test`);
    expect(body.data).toEqual([{ kind: "sns", target: TopicArn, delivered: true }]);
    const missing = `${TopicArn}-gone`;
    await warehouse.send("PATCH", `/v1/admin/alerts/${id}`, {
      channels: [{ kind: "sns", topicArn: missing }, webhook()],
    });
    const tested = await warehouse.send("POST", `/v1/admin/alerts/${id}/test`);
    expect(tested.body.data).toMatchObject([{ delivered: false }, { kind: "webhook", delivered: true }]);
    expect(told()).toMatchObject([{ type: "alert.test" }]);
    // Only checks that a subscription needs nothing but the topic. The delivery to subscribers is the task of SNS.
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "https", Endpoint: "https://hooks.example.com/" }));
  });
});

describe("conditions", () => {
  const observed = async (condition: Record<string, unknown>) => {
    const { id } = await createRule({ condition, channels: [] });
    await run();
    return stateOf(id);
  };
  const flow = async (rows: Record<string, unknown>[]) => {
    for (const { minutesAgo = 3, ...row } of rows) {
      const minute = new Date(nowMs - Number(minutesAgo) * MINUTE_MS);
      const counts = { project: PROJECT, minute, changed_at: minute, checked_at: new Date(nowMs), ...row };
      await warehouse.sql`insert into flow_minute ${warehouse.sql(counts as never)}`;
    }
  };
  const weeks = async (counts: readonly number[]) => {
    for (const [week, count] of counts.entries()) {
      await storeEvents(count, 30 + (week * 7 * DAY_MS) / MINUTE_MS);
    }
    // This event is older than all weeks, so that each week counts.
    await storeEvents(1, (40 * DAY_MS) / MINUTE_MS);
  };

  it("a drop is measured against the median of the same hour, so that one unusual week does not matter", async () => {
    await weeks([40, 100, 100, 1_000, 90]);
    const drop = { kind: "volume", direction: "drop", percent: 50, minimumEvents: 50 };
    expect(await observed(drop)).toMatchObject({ state: "firing", value: 60, detail: { current: 40, median: 100 } });
    expect(await observed({ ...drop, percent: 70 })).toMatchObject({ state: "ok", value: 60 });
    expect(await observed({ ...drop, minimumEvents: 200 })).toMatchObject({ state: "ok", value: null });
    expect(await observed({ ...drop, event: "Never sent" })).toMatchObject({ state: "ok", value: null });
    expect(await observed({ ...drop, direction: "spike" })).toMatchObject({ state: "ok", value: -60 });
    // Events that the warm tier has not loaded yet were still sent.
    await flow([{ processed: 60, warm_loaded: 0 }]);
    expect(await observed(drop)).toMatchObject({ state: "ok", value: 0, detail: { missing: 60 } });
  });

  it("a spike", async () => {
    await weeks([300, 100, 100, 100, 100]);
    const spike = { kind: "volume", direction: "spike", percent: 100, minimumEvents: 50 };
    expect(await observed(spike)).toMatchObject({ state: "firing", value: 200 });
  });

  it("an hour of the week follows the clock of the time zone", async () => {
    // Two weeks earlier, Berlin had summer time, so the same local hour was one hour earlier in UTC.
    nowMs = Date.parse("2026-11-04T12:00:00Z");
    await storeEvents(60, 30);
    await storeEvents(1, (40 * DAY_MS) / MINUTE_MS);
    for (let week = 1; week <= 4; week++) {
      const summer = week >= 2 ? 60 : 0;
      await storeEvents(60, 30 + (week * 7 * DAY_MS) / MINUTE_MS + summer);
    }
    const drop = { kind: "volume", direction: "drop", percent: 50, minimumEvents: 50 };
    expect(await observed({ ...drop, timezone: "Europe/Berlin" })).toMatchObject({ value: 0, detail: { median: 60 } });
    expect(await observed(drop)).toMatchObject({ value: null, detail: { median: 0 } });
  });

  it("rates of failed events and of drops for lack of consent", async () => {
    await flow([
      { minutesAgo: 3, processed: 80, failed: 20, edge_accepted: 100, edge_suppressed: 300 },
      { minutesAgo: 5, processed: 100, failed: 0, warm_failed: 4 },
      { minutesAgo: 200, processed: 1_000, failed: 1_000 },
    ]);
    expect(await observed({ kind: "failed_rate", percent: 10 })).toMatchObject({ state: "firing", value: 12 });
    expect(await observed({ kind: "consent_drop_rate", percent: 50 })).toMatchObject({ state: "firing", value: 75 });
    await warehouse.sql`update flow_minute set edge_accepted = null, edge_suppressed = null`;
    expect(await observed({ kind: "consent_drop_rate", percent: 50 })).toMatchObject({ state: "ok", value: null });
  });

  it("lag is the age of the events that a tier lacks, and of the events that it loads", async () => {
    await flow([
      { minutesAgo: 30, processed: 10, warm_loaded: 10, hot_loaded: 10, cold_loaded: 9 },
      { minutesAgo: 20, processed: 10, warm_loaded: 9, hot_loaded: 9, hot_copies: 1 },
    ]);
    expect(await observed({ kind: "lag", tier: "hot", seconds: 60 })).toMatchObject({ state: "ok", value: 0 });
    expect(await observed({ kind: "lag", tier: "warm", seconds: 60 })).toMatchObject({
      state: "firing",
      value: 19 * 60,
    });
    expect(await observed({ kind: "lag", tier: "cold", seconds: 60 })).toMatchObject({ value: 29 * 60 });
  });

  it("imbalance is the difference that is left after the settle time", async () => {
    await flow([
      { minutesAgo: 60, processed: 10, balanced: true },
      { minutesAgo: 30, processed: 10, warm_loaded: 9 },
      { minutesAgo: 2, processed: 10 },
    ]);
    expect(await observed({ kind: "imbalance" })).toMatchObject({ state: "firing", value: 1 });
  });

  it("a trend may count users, and is judged by its most extreme value", async () => {
    await storeEvents(4, 3, { country: "DE" });
    await storeEvents(2, 3, { country: "FR", subject: "s2" });
    const trend = { ...TREND, threshold: 100, clearThreshold: 100 };
    expect(await observed({ ...trend, measure: "users" })).toMatchObject({ value: 2 });
    expect(await observed({ ...trend, breakdown: "country" })).toMatchObject({ value: 4, detail: { of: "DE" } });
    const below = { ...trend, operator: "below", threshold: 3, clearThreshold: 3, breakdown: "country" };
    expect(await observed(below)).toMatchObject({ state: "firing", value: 2, detail: { of: "FR" } });
  });

  it("that change start again, and their alerts are announced again", async () => {
    const { id } = await createRule();
    await storeEvents(11);
    await run();
    await warehouse.send("PATCH", `/v1/admin/alerts/${id}`, { condition: { ...TREND, threshold: 8 } });
    expect(await stateOf(id)).toMatchObject({ state: "ok" });
    await run();
    expect(told().map(({ data }) => data.incident)).toEqual([1, 2]);
    await warehouse.send("PATCH", `/v1/admin/alerts/${id}`, { enabled: false });
    expect(await run()).toMatchObject({ evaluated: 0 });
  });

  it("that can't be observed delay no other rule", async () => {
    const { id } = await createRule();
    await createRule({ name: "Other" });
    const { sql, database } = warehouse.parts;
    await database
      .update(alertRule)
      .set({ condition: { kind: "nonsense" } as never })
      .where(eq(alertRule.id, id));
    await storeEvents(11);
    const broken: string[] = [];
    const parts = { sql, database, nowMs: () => nowMs, report: (_: unknown, rule: string) => broken.push(rule) };
    expect(await evaluateAlerts(parts, () => 60_000)).toMatchObject({ evaluated: 1, unevaluated: 1, firing: 1 });
    expect(broken).toEqual([id]);
    expect(await evaluateAlerts(parts, () => 1_000)).toMatchObject({ evaluated: 0, unevaluated: 2 });
    expect(await database.select().from(alertState)).toHaveLength(1);
  });
});
