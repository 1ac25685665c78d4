// Tests invalid input through the whole backend on real parts: each kind reaches every tier sanitised, or the failed-events
// store with a reason, and the events beside it are unharmed. An event that only the plan refuses is stored once after the plan
// is corrected and the event is replayed.

import type { FailedEvent } from "@behaviour/contract";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { batchLine, frame, track } from "../process/sample.ts";
import { type Backend, startBackend, until } from "./pipeline.ts";
import { POISONS, type Poison } from "./poison-kinds.ts";

// The timeout only ends tests that hang. The parts share two cores with other work.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let backend: Backend;
beforeAll(async () => {
  backend = await startBackend();
});
afterAll(() => backend?.stop());

const GOOD = ["good-first", "good-middle", "good-last"];
const storedIds = POISONS.flatMap(({ end }) => ("stored" in end ? [end.stored] : []));
const failing = POISONS.flatMap(({ name, end }) => ("failed" in end ? [{ name, ...end }] : []));

describe(`${POISONS.length} kinds of poison`, () => {
  const project = "p_poison";
  let known: FailedEvent[];
  let unknown: FailedEvent[];

  it("are at least fifty different kinds", () => {
    expect(POISONS.length).toBeGreaterThanOrEqual(50);
    expect(new Set(POISONS.map(({ name }) => name)).size).toBe(POISONS.length);
  });

  it("reach either the tiers or the failed events, and block no other event", async () => {
    const mate = (id: string) => frame([batchLine([track(id)], { project })]);
    const [first = "", middle = "", last = ""] = GOOD;
    const half = Math.floor(POISONS.length / 2);
    const framesOf = (poisons: readonly Poison[]) => poisons.flatMap(({ frames }) => frames(project));
    await backend.send([mate(first), ...framesOf(POISONS.slice(0, half)), mate(middle)]);
    await backend.send([...framesOf(POISONS.slice(half)), mate(last)]);
    const expected = [...storedIds, ...GOOD].toSorted();
    const tiers = await until(
      () => backend.tiers(project),
      ({ hot, warm, cold }) => Math.min(hot, warm.length, cold.length) >= expected.length,
    );
    expect(tiers).toEqual({ hot: expected.length, warm: expected, cold: expected });
    known = await backend.failures(project);
    unknown = await backend.failures("unknown");
    expect(known.length + unknown.length).toBe(failing.length);
  });

  it.each(failing)("$name is stored with its reason", ({ failed: code, messageId, project: owner }) => {
    const among = owner === "unknown" ? unknown : known;
    const found = among.filter((event) => event.code === code && event.messageId === messageId);
    expect(found.length, JSON.stringify(among.map((event) => [event.code, event.messageId]))).toBeGreaterThanOrEqual(1);
    const [event] = found;
    expect(event?.message).not.toBe("");
    if (code === "invalid_event" && messageId !== null) expect(event?.pointer).toMatch(/^\//);
    expect(event?.payload).not.toMatch(/\0/);
  });

  it("have as many failed events of each reason as were sent", () => {
    const count = (events: readonly { code: string }[]) =>
      Object.fromEntries([...Map.groupBy(events, ({ code }) => code)].map(([code, all]) => [code, all.length]));
    expect(count([...known, ...unknown])).toEqual(count(failing.map(({ failed: code }) => ({ code }))));
  });

  it("are stored as expected, equally in the warm and cold tiers", async () => {
    const rows = await backend.sql`select message_id, event, properties from events where project = ${project}`;
    const archived = await backend.cold(
      project,
      "select message_id, event, properties::varchar as properties from events",
    );
    const warm = new Map(rows.map((row) => [row["message_id"] as string, row]));
    const cold = new Map(archived.map((row) => [String(row["message_id"]), row]));
    for (const { name, end } of POISONS) {
      if (!("stored" in end)) continue;
      const archivedRow = cold.get(end.stored);
      if ("properties" in end) {
        expect(warm.get(end.stored)?.["properties"], name).toEqual(end.properties);
        expect(JSON.parse(String(archivedRow?.["properties"])), name).toEqual(end.properties);
      }
      if (end.event !== undefined)
        expect([warm.get(end.stored)?.["event"], archivedRow?.["event"]], name).toEqual([end.event, end.event]);
      const text = String(archivedRow?.["properties"]);
      expect(text.isWellFormed() && !text.includes("\0"), name).toBe(true);
    }
  });

  it("contain no client's id", () => {
    for (const event of [...known, ...unknown]) expect(event.payload).not.toContain("anon-1");
  });
});

describe("an event that only the plan refuses", () => {
  const project = "p_planned";
  const order = (properties: Record<string, unknown>) => ({ event: "Order Completed", userId: "ada", properties });
  const plan = (order: Record<string, unknown>) => ({
    mode: "quarantine",
    unknownEvents: "quarantine",
    events: [
      {
        event: "Order Completed",
        schema: { type: "object", required: ["total"], additionalProperties: false, ...order },
      },
    ],
  });
  const STRICT = plan({
    properties: {
      total: { type: "number", maximum: 100 },
      currency: { enum: ["EUR"] },
      id: { type: "string", pattern: "^[A-Z]+$" },
      paid: { anyOf: [{ const: true }, { const: "later" }] },
    },
  });
  const MENDED = {
    mode: "quarantine",
    unknownEvents: "allow",
    events: [{ event: "Order Completed", schema: { type: "object", properties: {} } }],
  };
  const BROKEN: [string, Record<string, unknown>, string][] = [
    ["no-total", order({}), "plan_missing_property"],
    ["total-as-text", order({ total: "9" }), "plan_wrong_type"],
    ["total-too-high", order({ total: 101, currency: "EUR" }), "plan_out_of_bounds"],
    ["franc", order({ total: 1, currency: "CHF" }), "plan_value_not_allowed"],
    ["small-letters", order({ total: 1, id: "abc" }), "plan_wrong_format"],
    ["misspelt", order({ total: 1, curency: "EUR" }), "plan_unexpected_property"],
    ["never-paid", order({ total: 1, paid: "never" }), "plan_violation"],
    [
      "not-planned",
      { event: "Order Refunded", userId: "ada", properties: { email: "ada@mail.example" } },
      "plan_unknown_event",
    ],
  ];
  const ids = BROKEN.map(([id]) => id);
  const all = [...ids, "kept"].toSorted();
  const replay = (body: object = {}) => backend.ask(project, "POST", "/v1/failed-events/replay", body);
  const listed = async () => (await backend.ask(project, "GET", "/v1/failed-events?limit=1000")).body;

  it("is stored with code, place, rule, value and plan version, and other events are processed", async () => {
    await backend.makeProject(project);
    const pushed = await backend.ask(project, "PUT", "/v1/admin/tracking-plan", STRICT);
    expect([pushed.status, pushed.body.propagated], JSON.stringify(pushed.body)).toEqual([200, true]);
    const events = [track("kept", order({ total: 5 })), ...BROKEN.map(([id, changes]) => track(id, changes))];
    await backend.send([frame([batchLine(events, { project })])]);
    const tiers = await until(
      () => backend.tiers(project),
      ({ hot, warm, cold }) => hot + warm.length + cold.length >= 3,
    );
    expect(tiers).toEqual({ hot: 1, warm: ["kept"], cold: ["kept"] });
    const { data, counts, countsComplete } = await listed();
    expect(countsComplete).toBe(true);
    expect(counts).toEqual(Object.fromEntries(BROKEN.map(([, , code]) => [code, 1])));
    for (const [id, , code] of BROKEN) {
      const event = data.find(({ messageId }: FailedEvent) => messageId === id);
      expect(event, id).toMatchObject({ code, kind: "plan_violation", planVersion: 1, stage: "process", replay: null });
      expect(event.subject).toMatch(/^[0-9a-f]{32}$/);
      expect(event.payload).not.toContain('"ada"');
    }
    const high = data.find(({ messageId }: FailedEvent) => messageId === "total-too-high");
    expect(high).toMatchObject({ pointer: "/properties/total", limit: '{"maximum":100}', actual: "101" });
    const refund = data.find(({ messageId }: FailedEvent) => messageId === "not-planned");
    expect(refund.payload).toContain("[email]");
    const ofKind = await backend.ask(project, "GET", "/v1/failed-events?kind=contract_violation");
    expect(ofKind.body).toMatchObject({ data: [], counts: {} });
  });

  it("fails again if it is replayed with the same plan, and both failures are listed", async () => {
    const { status, body } = await replay({ code: "plan_wrong_type" });
    expect([status, body]).toEqual([
      200,
      { data: { examined: 1, replayed: 1, alreadyReplayed: 0, arrived: 0, notReplayable: 0 }, nextCursor: null },
    ]);
    const { data } = await until(listed, ({ counts }) => counts.plan_wrong_type === 2);
    const copies = data.filter(({ messageId }: FailedEvent) => messageId === "total-as-text");
    expect(copies.map(({ replay }: any) => replay?.outcome).toSorted()).toEqual(["replayed", undefined]);
    expect((await backend.tiers(project)).warm).toEqual(["kept"]);
  });

  it("is stored once in each tier after the plan was corrected, for any number of concurrent replays", async () => {
    const mended = await backend.ask(project, "PUT", "/v1/admin/tracking-plan", MENDED);
    expect([mended.status, mended.body.propagated], JSON.stringify(mended.body)).toEqual([200, true]);
    const runs = await Promise.all([
      replay({ kind: "plan_violation" }),
      replay(),
      replay({ ids: [(await listed()).data[0].id] }),
    ]);
    for (const { status } of runs) expect(status).toBe(200);
    const tiers = await until(
      () => backend.tiers(project),
      ({ hot, warm, cold }) => Math.min(hot, warm.length, cold.length) >= all.length,
    );
    expect(tiers).toEqual({ hot: all.length, warm: all, cold: all });
    const again = await replay();
    expect(again.body.data).toMatchObject({
      examined: BROKEN.length + 1,
      replayed: 0,
      alreadyReplayed: BROKEN.length + 1,
    });
    // The markers come after all other records: when they arrive, any second delivery has arrived too.
    await backend.send([
      frame([batchLine([track("marker-1")], { project })]),
      frame([batchLine([track("marker-2")], { project })]),
    ]);
    await until(
      () => backend.tiers(project),
      ({ warm, cold }) => warm.length + cold.length >= 2 * (all.length + 2),
    );
    const after = await backend.tiers(project);
    expect(after.warm.filter((id) => !id.startsWith("marker"))).toEqual(all);
    expect(after.cold.filter((id) => !id.startsWith("marker"))).toEqual(all);
    const { data } = await listed();
    for (const event of data) expect(event.replay?.outcome, event.messageId).toBe("replayed");
  });

  it("is stored with the ids, times and values that were sent", async () => {
    const rows = await backend.sql`
      select message_id, subject, properties, received_at from events where project = ${project} and message_id not like 'marker%'`;
    expect(new Set(rows.map((row) => row["subject"])).size).toBe(1);
    const byId = new Map(rows.map((row) => [row["message_id"], row["properties"]]));
    for (const [id, { properties }] of BROKEN) expect(byId.get(id), id).toEqual(properties);
    expect(new Set(rows.map((row) => (row["received_at"] as Date).getTime())).size).toBe(1);
  });
});
