// Tests batches as a whole: their shape, their context, duplicates within a batch and between requests, and two projects with the
// same messageId. docs/API_DOCUMENTATION.md#answers, #sending-events.

import { LIMITS } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { bearer, expectConserved, goodEvent, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { readRecords, streamState, untilArrived } from "../servers/kinesis/stream.ts";
import { expectAnswer, useTable } from "./table.ts";

const table = useTable("batches");
const sendBatch = (body: object | string, key = table.publicKey, headers = {}) =>
  send("/v1/batch", { headers: { ...headers, ...bearer(key) }, body });

describe("shape", () => {
  it.concurrent.each([
    { name: "no batch", body: {}, code: "invalid_payload", pointer: "/batch" },
    { name: "batch null", body: { batch: null }, code: "invalid_payload", pointer: "/batch" },
    { name: "batch an object", body: { batch: {} }, code: "invalid_payload", pointer: "/batch" },
    { name: "batch a string", body: { batch: "[]" }, code: "invalid_payload", pointer: "/batch" },
    { name: "batch empty", body: { batch: [] }, code: "empty_batch", pointer: "/batch" },
    {
      name: "context an array",
      body: { batch: [goodEvent()], context: [] },
      code: "invalid_payload",
      pointer: "/context",
    },
    {
      name: "context a string",
      body: { batch: [goodEvent()], context: "x" },
      code: "invalid_payload",
      pointer: "/context",
    },
  ] as const)("$name", async ({ body, code, pointer }) => {
    expectAnswer(await sendBatch(body), { status: 400, code, pointer });
    await table.expectGoodEventTaken();
  });

  it.concurrent.each([null, 1, "text", true, [], [[]]])("an item that is %j is rejected alone", async (item) => {
    const answer = await sendBatch({ batch: [goodEvent(), item, goodEvent()] });
    expect(answer.status).toBe(200);
    expectConserved(answer.body, 3);
    expect(answer.body.rejected).toMatchObject([{ index: 1, code: "invalid_type" }]);
    await table.expectGoodEventTaken();
  });

  it("a batch of only invalid items is a 400 with all reasons", async () => {
    const batch = [
      null,
      {},
      { type: "track" },
      goodEvent({ type: "x" }),
      goodEvent({ userId: "i".repeat(LIMITS.idLength + 1) }),
    ];
    const answer = await sendBatch({ batch });
    expectAnswer(answer, { status: 400, code: "all_events_rejected" });
    expect(answer.body).toMatchObject({ accepted: 0, duplicates: 0, suppressed: 0, warnings: [] });
    expect(answer.body.rejected.map(({ code }) => code)).toEqual([
      "invalid_type",
      "missing_field",
      "missing_identity",
      "invalid_type",
      "invalid_user_id",
    ]);
    expect(answer.body.rejected.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
    for (const { message } of answer.body.rejected) expect(message).not.toBe("");
    await table.expectGoodEventTaken();
  });

  it("a rejection contains the messageId of its event", async () => {
    const event = goodEvent({ event: "" });
    const answer = await sendBatch({ batch: [event, goodEvent()] });
    expect(answer.body.rejected).toMatchObject([{ index: 0, messageId: event.messageId, code: "invalid_event_name" }]);
  });

  it("the last of two `batch` arrays is the batch, also if its key has escapes", async () => {
    const [first, last] = [goodEvent(), goodEvent({ userId: 1 })];
    const body = `{"batch":[${JSON.stringify(first)}],"b\\u0061tch":[${JSON.stringify(last).replace('"userId":1', '"userId":12345678901234567890')}]}`;
    const answer = await send("/v1/batch", { headers: bearer(table.publicKey), body });
    expect(answer.body).toMatchObject({ accepted: 1, warnings: [{ code: "number_as_text", pointer: "/userId" }] });
    table.expectStored(last.messageId, { userId: "12345678901234567890" });
    table.expectNotStored(first.messageId);
  });
});

describe("context of the batch", () => {
  it("is merged under the context of each item, by top-level key", async () => {
    const [plain, own] = [goodEvent(), goodEvent({ context: { library: { name: "own" }, page: { path: "/a" } } })];
    const context = { library: { name: "batch", version: "1" }, app: { name: "shop" } };
    expect((await sendBatch({ batch: [plain, own], context })).body.accepted).toBe(2);
    table.expectStored(plain.messageId, { context });
    table.expectStored(own.messageId, {
      context: { library: { name: "own" }, app: { name: "shop" }, page: { path: "/a" } },
    });
  });

  it("is repaired, with a warning for each event", async () => {
    const [one, two] = [goodEvent(), goodEvent({ context: { a: 1 } })];
    const answer = await sendBatch({ batch: [one, two], context: { bad: "a\u0000b", big: 1 } });
    expect(answer.body).toMatchObject({ accepted: 2 });
    expect(answer.body.warnings).toMatchObject([
      { index: 0, code: "control_chars_removed", pointer: "/context/bad" },
      { index: 1, code: "control_chars_removed", pointer: "/context/bad" },
    ]);
    table.expectStored(one.messageId, { context: { bad: "ab", big: 1 } });
    table.expectStored(two.messageId, { context: { bad: "ab", big: 1, a: 1 } });
  });

  it("is repaired once, without warnings for keys that an event replaces, and numbers keep their digits", async () => {
    const [plain, own, numbers] = [goodEvent(), goodEvent({ context: { bad: 1 } }), goodEvent()];
    const withNumber = `{"traits":{"n":9007199254740995},${JSON.stringify(numbers).slice(1)}`;
    const context = String.raw`{"bad":["a\u0000b",12345678901234567890],"":1,"__proto__":2,"x\ud800":{"n":1e400}}`;
    const body = `{"batch":[${JSON.stringify(plain)},${JSON.stringify(own)},${withNumber}],"context":${context}}`;
    const answer = await sendBatch(body);
    const told = (index: number) =>
      answer.body.warnings
        .filter((warning) => warning.index === index)
        .map(({ code, pointer }) => `${code} ${pointer}`);
    const bad = ["control_chars_removed /context/bad/0", "number_as_text /context/bad/1"];
    const others = [
      "invalid_key /context/",
      "forbidden_key /context/__proto__",
      "ill_formed_unicode /context/x\ufffd",
      "number_as_text /context/x\ufffd/n",
    ];
    expect(told(0)).toEqual([...bad, ...others]);
    expect(told(1)).toEqual(others);
    expect(told(2)).toEqual([...bad, ...others, "number_as_text /traits/n"]);
    const stored = { bad: ["ab", "12345678901234567890"], "x\ufffd": { n: "1e400" } };
    table.expectStored(plain.messageId, { context: stored });
    table.expectStored(own.messageId, { context: { ...stored, bad: 1 } });
    table.expectStored(numbers.messageId, { context: stored, traits: { n: "9007199254740995" } });
  });

  it("does not hide that an event is too large", async () => {
    const good = Array.from({ length: 30 }, () => goodEvent());
    const large = `${JSON.stringify(goodEvent()).slice(0, -1)}${" ".repeat(LIMITS.eventBytes)}}`;
    const context = JSON.stringify({ a: "x".repeat(8_000) });
    const body = `{"batch":[${good.map((event) => JSON.stringify(event)).join(",")},${large}],"context":${context}}`;
    const answer = await sendBatch(body);
    expect(answer.body.rejected.map(({ index, code }) => [index, code])).toEqual([[30, "event_too_large"]]);
    expect(answer.body.accepted).toBe(30);
  });

  it("may be null, and so may the context of an item", async () => {
    expect((await sendBatch({ batch: [goodEvent()], context: null })).body.accepted).toBe(1);
    const event = goodEvent({ context: null });
    expect((await sendBatch({ batch: [event], context: { app: "x" } })).body.accepted).toBe(1);
    table.expectStored(event.messageId, { context: { app: "x" } });
  });

  it("does not make an item valid whose own context has the wrong type", async () => {
    const answer = await sendBatch({ batch: [goodEvent({ context: "x" }), goodEvent()], context: { app: "x" } });
    expect(answer.body.rejected).toMatchObject([{ index: 0, code: "invalid_type", pointer: "/context" }]);
  });

  it("that is too deep makes every event too deep", async () => {
    let context: object = {};
    for (let i = 0; i < 20; i++) context = { a: context };
    const answer = await sendBatch({ batch: [goodEvent(), goodEvent()], context });
    expect(answer.body.rejected.map(({ code }) => code)).toEqual(["too_deep", "too_deep"]);
    await table.expectGoodEventTaken();
  });

  it("keeps a number that no double can represent as text", async () => {
    const [one, two] = [goodEvent(), goodEvent({ userId: 1 })];
    const body = `{"context":{"n":12345678901234567890},"batch":[${JSON.stringify(one)},${JSON.stringify(two)}]}`;
    const answer = await send("/v1/batch", { headers: bearer(table.publicKey), body });
    expect(answer.body.accepted).toBe(2);
    expect(answer.body.warnings).toMatchObject([
      { index: 0, code: "number_as_text", pointer: "/context/n" },
      { index: 1, code: "number_as_text", pointer: "/context/n" },
    ]);
    for (const { messageId } of [one, two]) table.expectStored(messageId, { context: { n: "12345678901234567890" } });
  });
});

describe("duplicates", () => {
  it("within one batch are counted, and the first event is stored", async () => {
    const event = goodEvent();
    const answer = await sendBatch({ batch: [event, { ...event, event: "Second" }, goodEvent(), event] });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ accepted: 2, duplicates: 2 });
    expectConserved(answer.body, 4);
    table.expectStored(event.messageId, { event: "Tested" });
  });

  it("of a whole batch are all counted as duplicates", async () => {
    const body = { batch: [goodEvent(), goodEvent(), goodEvent()] };
    expect((await sendBatch(body)).body).toMatchObject({ accepted: 3, duplicates: 0 });
    const again = await sendBatch(body, table.publicKey, { "X-Retry-Count": "1" });
    expect(again.status).toBe(200);
    expect(again.body).toMatchObject({ success: true, accepted: 0, duplicates: 3 });
  });

  it("are counted beside new, repaired and rejected events", async () => {
    const [known, fresh] = [goodEvent(), goodEvent()];
    await sendBatch({ batch: [known] });
    const answer = await sendBatch({
      batch: [fresh, known, null, goodEvent({ event: "a", properties: { a: "\u0000" } })],
    });
    expect(answer.body).toMatchObject({ accepted: 2, duplicates: 1 });
    expectConserved(answer.body, 4);
    table.expectStored(fresh.messageId, { event: "Tested" });
  });

  it("are not counted against an event that was rejected", async () => {
    const messageId = goodEvent().messageId;
    const answer = await sendBatch({ batch: [goodEvent({ messageId, event: "" }), goodEvent({ messageId })] });
    expect(answer.body).toMatchObject({ accepted: 1, duplicates: 0 });
    expect(answer.body.rejected).toMatchObject([{ index: 0 }]);
  });

  it("and rejections alone are still answered with 200", async () => {
    const event = goodEvent();
    await sendBatch({ batch: [event] });
    const answer = await sendBatch({ batch: [event, null] });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ success: true, accepted: 0, duplicates: 1 });
  });

  it("do not exist among events without a messageId, which each get a new id", async () => {
    const event = { ...goodEvent({ event: "Nameless" }), messageId: undefined };
    const answer = await sendBatch({ batch: [event, event, { ...event, messageId: null }] });
    expect(answer.body).toMatchObject({ accepted: 3, duplicates: 0 });
    await table.expectGoodEventTaken();
  });

  it("in concurrent requests leave exactly one accepted event", async () => {
    const event = goodEvent();
    const answers = await Promise.all(new Array(8).fill(0).map(() => sendBatch({ batch: [event] })));
    const total = (name: "accepted" | "duplicates") => answers.reduce((sum, { body }) => sum + body[name], 0);
    expect([total("accepted"), total("duplicates")]).toEqual([1, 7]);
  });
});

describe("several projects and shards", () => {
  it("store the same messageId as two events, each in its own project", async () => {
    const [first, second] = [newProject("first"), newProject("second")];
    const event = goodEvent({ properties: { canary: crypto.randomUUID() } });
    for (const project of [first, second]) {
      const key = await newKey({ project });
      expect((await sendBatch({ batch: [event] }, key)).body).toMatchObject({ accepted: 1, duplicates: 0 });
      await untilArrived(project, [event.messageId]);
      const { lines } = readRecords((await streamState(project)).arrived);
      expect(lines.map(({ envelope }) => envelope.project)).toEqual([project]);
    }
  });

  it("a project with several shards stores each subject in one shard, and sends one combined answer", async () => {
    const project = newProject("sharded");
    const key = await newKey({ project, shards: 4 });
    const batch = Array.from({ length: 60 }, (_, i) => goodEvent({ anonymousId: `device-${i % 20}` }));
    expect((await sendBatch({ batch }, key)).body).toMatchObject({ accepted: 60, duplicates: 0 });
    expect((await sendBatch({ batch: [...batch, goodEvent()] }, key)).body).toMatchObject({
      accepted: 1,
      duplicates: 60,
    });
    await untilArrived(
      project,
      batch.map(({ messageId }) => messageId),
    );
    const shardsOf = new Map<string, Set<string>>();
    for (const record of (await streamState(project)).arrived) {
      const shard = record.partitionKey.split("/")[0] as string;
      for (const { events } of readRecords([record]).lines) {
        for (const { anonymousId } of events) {
          const shards = shardsOf.get(String(anonymousId)) ?? new Set();
          shardsOf.set(String(anonymousId), shards.add(shard));
        }
      }
    }
    expect([...shardsOf.values()].every((shards) => shards.size === 1)).toBe(true);
    expect(new Set([...shardsOf.values()].flatMap((shards) => [...shards])).size).toBeGreaterThan(1);
  });
});
