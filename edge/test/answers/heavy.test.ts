// Bodies with more objects and arrays than an isolate can hold as values: what they hold of events is judged all the same.

import { describe, expect, it } from "vitest";
import { countOpenings, depthOf, isJson } from "../../src/collect/json-text.ts";
import { bearer, goodEvent, send } from "../client.ts";
import { useTable } from "./table.ts";

const table = useTable("heavy");
const DEEP = `${"[".repeat(300_000)}${"]".repeat(300_000)}`;
const WIDE = `[${"{},".repeat(300_000)}{}]`;

function post(body: string) {
  return send("/v1/batch", { body, headers: bearer(table.publicKey) });
}

describe("absurdly many brackets", () => {
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
      "a batch whose context holds them",
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
    ["never closed", "[".repeat(1_000_000), "invalid_json"],
    ["closed wrongly", `{"batch":[${"[".repeat(300_000)}${"}".repeat(300_000)}]}`, "invalid_json"],
    ["an array at the top", WIDE, "invalid_payload"],
    ["too many items", `{"batch":${WIDE}}`, "batch_too_large"],
  ])("%s", async (_case, body, code) => {
    expect((await post(body)).body.code).toBe(code);
    await table.expectGoodEventTaken();
  });
});

describe("JSON looked at as text", () => {
  it("is JSON exactly when JSON.parse says so", () => {
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
    ['{"a":[1,{"b":[]}]}', 4],
    ['"[[[["', 0],
    ['["\\"[",[2]]', 2],
    ["1", 0],
  ])("%s is %d deep", (text, depth) => expect(depthOf(text)).toBe(depth));

  it("counts what may begin an object or an array, up to a bound", () => {
    expect(countOpenings('{"a":["x","["]}', 10)).toBe(3);
    expect(countOpenings("[".repeat(100), 10)).toBe(11);
  });
});
