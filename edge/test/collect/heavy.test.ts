// Tests bodies with more objects and arrays than an isolate can hold as values. Their events are still judged one by one.

import { LIMITS } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { brokenLimit, countUnits, isJson } from "../../src/body/json-text.ts";
import { bearer, goodEvent, send } from "../client.ts";
import { useTable } from "./table.ts";

const table = useTable("heavy");
const DEEP = `${"[".repeat(300_000)}${"]".repeat(300_000)}`;
const WIDE = `[${"{},".repeat(300_000)}{}]`;

function post(body: string) {
  return send("/v1/batch", { body, headers: bearer(table.publicKey) });
}

describe("very many brackets", () => {
  it("reject the event that holds them, and no batch-mate", async () => {
    const good = goodEvent();
    const deep = `{"type":"track","event":"E","anonymousId":"a","properties":{"a":${DEEP}}}`;
    const answer = await post(`{"batch":[${deep},${JSON.stringify(good)},${WIDE}],"writeKey":"${table.publicKey}"}`);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      accepted: 1,
      rejected: [
        { index: 0, code: "too_deep" },
        { index: 2, code: "too_many_properties" },
      ],
    });
    table.expectStored(good.messageId, { event: good.event });
    await table.expectGoodEventTaken();
  });

  it.each([
    ["a single deep event", "/v1/track", `{"event":"E","anonymousId":"a","properties":${DEEP}}`, "too_deep"],
    [
      "a single wide event",
      "/v1/track",
      `{"event":"E","anonymousId":"a","properties":{"a":${WIDE}}}`,
      "too_many_properties",
    ],
    [
      "a batch whose context has too many values",
      "/v1/batch",
      `{"batch":[{"type":"track"}],"context":{"a":${WIDE}}}`,
      "too_many_properties",
    ],
  ])("%s", async (_case, path, body, code) => {
    const answer = await send(path, { body, headers: bearer(table.publicKey) });
    expect(answer).toMatchObject({
      status: 400,
      body: { code: "all_events_rejected", rejected: [{ index: 0, code }] },
    });
    await table.expectGoodEventTaken();
  });

  it.each([
    ["brackets that are never closed", "[".repeat(1_000_000), "invalid_json"],
    [
      "brackets that are closed in the wrong way",
      `{"batch":[${"[".repeat(300_000)}${"}".repeat(300_000)}]}`,
      "invalid_json",
    ],
    ["an array in place of the body's object", WIDE, "invalid_payload"],
    ["a batch with too many items", `{"batch":${WIDE}}`, "batch_too_large"],
  ])("%s", async (_case, body, code) => {
    expect((await post(body)).body.code).toBe(code);
    await table.expectGoodEventTaken();
  });
});

function object(keys: number): string {
  return `{${Array.from({ length: keys }, (_, key) => `"k${key}":1`).join(",")}}`;
}

describe("very many keys", () => {
  it("reject the event that holds them, and no batch-mate", async () => {
    const good = goodEvent();
    const keys = `{"type":"track","event":"E","anonymousId":"a","properties":${object(100_000)}}`;
    const long = `{"type":"track","event":"E","anonymousId":"a","properties":{"a":"${"x,".repeat(20_000)}"}}`;
    const answer = await post(`{"batch":[${keys},${JSON.stringify(good)},${long}],"a":1}`);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      accepted: 1,
      rejected: [
        { index: 0, code: "too_many_properties" },
        { index: 2, code: "event_too_large" },
      ],
    });
    table.expectStored(good.messageId, { event: good.event });
  });

  it("beside the batch are ignored, also if there are more than the limit of an object", async () => {
    const good = goodEvent();
    const answer = await send("/v1/batch", {
      body: `{"writeKey":"${table.publicKey}","batch":[${JSON.stringify(good)}],${object(100_000).slice(1)}`,
    });
    expect(answer.body).toMatchObject({ accepted: 1, rejected: [] });
    table.expectStored(good.messageId, { event: good.event });
  });

  it("of a single event reject it, and its id and write key are still read", async () => {
    const answer = await send("/v1/track", {
      body: `{"writeKey":"${table.publicKey}","messageId":"heavy-1","type":"track",${object(100_000).slice(1)}`,
    });
    expect(answer.body).toMatchObject({ rejected: [{ index: 0, code: "too_many_properties", messageId: "heavy-1" }] });
  });

  it("are accepted if no single event has too many", async () => {
    const events = Array.from({ length: 1_000 }, (_, index) =>
      goodEvent({ properties: Object.fromEntries(Array.from({ length: 60 }, (__, key) => [`k${index}-${key}`, 1])) }),
    );
    const answer = await send("/v1/batch", { body: { batch: events }, headers: bearer(table.publicKey) });
    expect(answer.body).toMatchObject({ accepted: 1_000, rejected: [] });
    table.expectStored(events[999]?.messageId ?? "", { properties: events[999]?.properties });
  });
});

describe("JSON text that is checked before parsing", () => {
  it("is valid exactly if JSON.parse accepts it", () => {
    const alphabet = '{}[],:"\\ 01-.eEtrufalsn\n';
    let valid = 0;
    for (let round = 0; round < 100_000; round++) {
      let text = "";
      for (let length = 1 + (round % 12); length > 0; length--)
        text += alphabet[Math.floor(Math.random() * alphabet.length)];
      let parses = true;
      try {
        JSON.parse(text);
      } catch {
        parses = false;
      }
      if (parses) valid++;
      if (isJson(text) !== parses) expect.unreachable(JSON.stringify(text));
    }
    expect(valid).toBeGreaterThan(100);
  });

  it.each([
    ["depth of 16", `${"[".repeat(16)}${"]".repeat(16)}`, 0, null],
    ["depth of 17", `${"[".repeat(17)}${"]".repeat(17)}`, 0, "too_deep"],
    ["depth of 16 within an event", `${"[".repeat(16)}${"]".repeat(16)}`, 1, "too_deep"],
    ["brackets in a string", `["${"[".repeat(100)}", "\\"["]`, 0, null],
    ["256 keys", object(256), 0, null],
    ["257 keys", object(257), 0, "too_many_properties"],
    ["257 keys in a nested object", `[1,{"a":[${object(257)}]}]`, 0, "too_many_properties"],
    ["256 keys twice", `[${object(256)},${object(256)}]`, 0, null],
    ["2,000 values", `[${"1,".repeat(1_998)}1]`, 0, null],
    ["2,001 values", `[${"1,".repeat(1_999)}1]`, 0, "too_many_properties"],
    ["1,000 empty objects in objects", `[${'{"a":{}},'.repeat(999)}1]`, 0, null],
    ["1,001 empty objects in objects", `[${'{"a": { } },'.repeat(1_000)}1]`, 0, "too_many_properties"],
    ["a scalar", "1", 0, null],
  ] as const)("%s", (_name, text, above, broken) => expect(brokenLimit(text, above)).toBe(broken));

  it("counts a character up to a bound", () => {
    expect(countUnits('{"a":["x","["]}', "[", 10)).toBe(2);
    expect(countUnits("[".repeat(100), "[", 10)).toBe(11);
  });
});

describe("many different keys", () => {
  /** Every key is unique over all bodies. */
  let made = 0;
  const event = (keys: number, unusual: boolean) => {
    const members = Array.from({ length: keys }, () => `"k${made++}":${unusual ? "1e3" : "1"}`).join(",");
    return `{${members},${JSON.stringify(goodEvent()).slice(1)}`;
  };
  const withKeys = (events: number, unusual: boolean) => Array.from({ length: events }, () => event(200, unusual));
  const sendEvents = (events: readonly string[], beside = "") =>
    send("/v1/batch", { headers: bearer(table.publicKey), body: `{"batch":[${events.join(",")}]${beside}}` });

  it("are not limited in events that need no change", async () => {
    expect((await sendEvents(withKeys(300, false))).body).toMatchObject({ accepted: 300, rejected: [] });
  });

  it.each([
    ["in the fast lane", ""],
    ["with a context of the batch", ',"context":{"a":1}'],
  ])(
    "cause the events beyond 20,000 keys to be rejected, but not an event whose keys are known: %s",
    async (_lane, beside) => {
      const events = withKeys(300, true);
      const { accepted, rejected } = (await sendEvents([...events, JSON.stringify(goodEvent())], beside)).body;
      expect(accepted).toBeGreaterThanOrEqual(90);
      expect(accepted).toBeLessThanOrEqual(LIMITS.keysPerRequest / 200 + 1);
      expect(rejected).toHaveLength(301 - accepted);
      expect(rejected.map(({ index }) => index)).toEqual(rejected.map((_, place) => accepted - 1 + place));
      expect(new Set(rejected.map(({ code }) => code))).toEqual(new Set(["too_many_properties"]));
      await table.expectGoodEventTaken();
    },
  );

  it("are counted once each, for any number of occurrences", async () => {
    const one = event(200, true);
    const events = Array.from({ length: 300 }, () =>
      one.replace(/"messageId":"[^"]*"/, `"messageId":"${crypto.randomUUID()}"`),
    );
    expect((await sendEvents(events)).body).toMatchObject({ accepted: 300, rejected: [] });
  });

  it("empty objects of a request are limited too", async () => {
    const list = `[${"{},".repeat(1_950)}{}]`;
    const heavy = Array.from({ length: 200 }, () => `{"n":1e3,"p":${list},${JSON.stringify(goodEvent()).slice(1)}`);
    for (const beside of ["", ',"context":{"a":1}']) {
      const { accepted, rejected } = (await sendEvents(heavy, beside)).body;
      expect(accepted).toBe(beside === "" ? Math.floor(LIMITS.openingsParsed / 1_954) : accepted);
      expect(accepted).toBeLessThan(110);
      expect(new Set(rejected.map(({ code }) => code))).toEqual(new Set(["too_many_properties"]));
    }
  });
});
