// Tests both sides of each limit of docs/API_DOCUMENTATION.md#sending-events.

import { LIMITS } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { bearer, expectConserved, goodEvent, send } from "../client.ts";
import { type EventRow, eventTable, expectAnswer, useTable } from "./table.ts";

const table = useTable("limits");

/** `levels` nested objects. */
function nested(levels: number): Record<string, unknown> {
  return levels <= 1 ? {} : { a: nested(levels - 1) };
}

function nestedArrays(levels: number): unknown[] {
  return levels <= 1 ? [] : [nestedArrays(levels - 1)];
}

function keys(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));
}

describe("depth", () => {
  eventTable(table, [
    // The event is level 1, `properties` level 2.
    { name: "16 levels", event: { properties: nested(15) }, stored: { properties: nested(15) } },
    { name: "17 levels", event: { properties: nested(16) }, rejected: ["too_deep"] },
    { name: "16 levels of arrays", event: { properties: { a: nestedArrays(14) } } },
    { name: "17 levels of arrays", event: { properties: { a: nestedArrays(15) } }, rejected: ["too_deep"] },
    { name: "17 levels in an unknown field", event: { extra: nested(16) }, rejected: ["too_deep"] },
    { name: "a string of brackets is not deep", event: { properties: { a: "[".repeat(100) } } },
    {
      name: "5,000 levels",
      event: `{"type":"track","event":"e","anonymousId":"a","messageId":"ID","properties":${'{"a":'.repeat(3_000)}1${"}".repeat(3_000)}}`,
      rejected: ["too_deep"],
    },
  ]);
});

describe("keys of one object", () => {
  const fields = Object.keys(goodEvent()).length;
  eventTable(table, [
    { name: "256 in properties", event: { properties: keys(256) } },
    { name: "257 in properties", event: { properties: keys(257) }, rejected: ["too_many_properties"] },
    { name: "256 in a nested object", event: { context: { a: [keys(256)] } } },
    { name: "257 in a nested object", event: { context: { a: [keys(257)] } }, rejected: ["too_many_properties"] },
    { name: "256 of the event itself", event: keys(256 - fields) },
    { name: "257 of the event itself", event: keys(257 - fields), rejected: ["too_many_properties"] },
  ]);
});

describe("values of one event", () => {
  // The values are the event itself, its five plain fields, `properties`, the array, and the array's items.
  const base = 2 + Object.keys(goodEvent()).length;
  const items = (nodes: number): EventRow["event"] => ({ properties: { a: new Array(nodes - base).fill(0) } });
  eventTable(table, [
    { name: "2,000", event: items(LIMITS.nodesPerEvent) },
    { name: "2,001", event: items(LIMITS.nodesPerEvent + 1), rejected: ["too_many_properties"] },
    { name: "10,000", event: items(10_000), rejected: ["too_many_properties"] },
    {
      name: "empty arrays and objects count",
      event: { properties: { a: new Array(1_000).fill([]), b: new Array(1_000).fill({}) } },
      rejected: ["too_many_properties"],
    },
  ]);
});

/** An event whose text has exactly `bytes` bytes: repeated `filler`, and blanks for the remaining bytes. */
function eventOf(bytes: number, filler: string): string {
  const head = '{"type":"track","event":"e","anonymousId":"a","messageId":"ID","properties":{"v":["';
  const tail = '"]}}';
  const idBytes = goodEvent().messageId.length - "ID".length;
  const room = bytes - head.length - tail.length - idBytes;
  const size = new TextEncoder().encode(filler).byteLength;
  // A text is cut to 8,192 units, so use several texts, joined by `","`.
  const perText = Math.floor(8_000 / filler.length);
  let text = "";
  let used = 0;
  for (let inText = 0; used + size + 3 <= room; inText++) {
    if (inText === perText) {
      text += '","';
      used += 3;
      inText = 0;
    }
    text += filler;
    used += size;
  }
  return head + text + tail.slice(0, 2) + " ".repeat(room - used) + tail.slice(2);
}

describe("bytes of one event", () => {
  const max = LIMITS.eventBytes;
  const fillers: [string, string][] = [
    ["ASCII", "x"],
    ["two-byte letters", "ü"],
    ["three-byte letters", "完"],
    ["surrogate pairs", "😀"],
    ["escapes", "\\u0041"],
    ["escaped quotes", '\\"'],
  ];
  const blanks = (count: number) =>
    `{"type":"track",${" ".repeat(count)}"event":"e","anonymousId":"a","messageId":"ID"}`;
  const blankRoom = max - (blanks(0).length - "ID".length + goodEvent().messageId.length);
  // The counter in a messageId sometimes grows by a digit, so the next test finds the exact limit with the id that it sends.
  eventTable(table, [
    ...fillers.flatMap(([name, filler]): EventRow[] => [
      { name: `just below, of ${name}`, event: eventOf(max - 64, filler) },
      { name: `just above, of ${name}`, event: eventOf(max + 64, filler), rejected: ["event_too_large"] },
    ]),
    { name: "just below, of white space", event: blanks(blankRoom - 64) },
    { name: "just above, of white space", event: blanks(blankRoom + 64), rejected: ["event_too_large"] },
  ]);

  it.each(fillers)("exactly 32 KiB of %s are accepted, and one byte more is rejected", async (_name, filler) => {
    for (const [bytes, accepted] of [
      [max, 1],
      [max + 1, 0],
    ] as const) {
      const id = goodEvent().messageId;
      const text = eventOf(bytes, filler).replace("ID", id.padEnd(goodEvent().messageId.length, "x"));
      expect(new TextEncoder().encode(text).byteLength - bytes).toBeLessThanOrEqual(0);
      const exact = text.replace("{", `{${" ".repeat(bytes - new TextEncoder().encode(text).byteLength)}`);
      const headers = bearer(table.publicKey);
      expect((await send("/v1/track", { headers, body: exact })).body).toMatchObject({ accepted });
      const twin = exact.replace(/"messageId":"...../, '"messageId":"twin-');
      expect((await send("/v1/batch", { headers, body: `{"batch":[ ${twin} ]}` })).body).toMatchObject({ accepted });
    }
  });

  it("white space between events counts for no event", async () => {
    const body = `{"batch":[${" ".repeat(100_000)}${JSON.stringify(goodEvent())}${" ".repeat(100_000)}]}`;
    const answer = await send("/v1/batch", { headers: bearer(table.publicKey), body });
    expect(answer.body).toMatchObject({ accepted: 1 });
  });

  it("only the event of a batch that is too large is rejected", async () => {
    const large = goodEvent({ properties: { a: new Array(5).fill("x".repeat(8_000)) } });
    const batch = Array.from({ length: 10 }, () => goodEvent({ properties: { a: "x".repeat(5_000) } }));
    const body = { batch: [...batch, large, goodEvent()] };
    const answer = await send("/v1/batch", { headers: bearer(table.publicKey), body });
    expectConserved(answer.body, 12);
    expect(answer.body.accepted).toBe(11);
    expect(answer.body.rejected).toMatchObject([{ index: 10, code: "event_too_large", messageId: large.messageId }]);
    await table.expectGoodEventTaken();
  });
});

describe("events of one request", () => {
  const batchOf = (count: number) => ({
    batch: Array.from({ length: count }, () => ({ type: "track", event: "e", anonymousId: "a" })),
  });

  it("are accepted up to 2,500", async () => {
    const answer = await send("/v1/batch", { headers: bearer(table.publicKey), body: batchOf(2_500) });
    expect(answer.status).toBe(200);
    expect(answer.body.accepted).toBe(2_500);
  });

  it("are refused if there are 2,501", async () => {
    const answer = await send("/v1/batch", { headers: bearer(table.publicKey), body: batchOf(2_501) });
    expectAnswer(answer, { status: 413, code: "batch_too_large", pointer: "/batch" });
    await table.expectGoodEventTaken();
  });

  it("count the batch's context once per event", async () => {
    const context = { a: new Array(4).fill("x".repeat(8_000)) };
    const answer = await send("/v1/batch", { headers: bearer(table.publicKey), body: { ...batchOf(200), context } });
    expectAnswer(answer, { status: 413, code: "payload_too_large" });
    await table.expectGoodEventTaken();
  });

  it("count the batch's context in bytes", async () => {
    const context = { a: new Array(4).fill("完".repeat(8_000)) };
    const answer = await send("/v1/batch", { headers: bearer(table.publicKey), body: { ...batchOf(50), context } });
    expectAnswer(answer, { status: 413, code: "payload_too_large" });
  });
});

describe("a body that is large beside or within one event", () => {
  /** Text that gzip hardly compresses. It only has letters, so that no part looks like a card number. */
  function noise(length: number): string {
    const bytes = crypto.getRandomValues(new Uint8Array(length > 65_536 ? 65_536 : length));
    const letters = Array.from(bytes, (byte) => String.fromCharCode(97 + (byte % 26))).join("");
    return length > 65_536 ? letters + noise(length - 65_536) : letters;
  }

  it.each([1_500_000, 3_500_000])("is accepted with %i bytes beside the event", async (bytes) => {
    const event = goodEvent();
    const body = { batch: [event], junk: noise(bytes) };
    expect((await send("/v1/batch", { headers: bearer(table.publicKey), body })).body.accepted).toBe(1);
    table.expectStored(event.messageId, event);
    await table.expectGoodEventTaken();
  });

  it.each([800_000, 1_500_000])("is accepted only with a context within the limit: %i bytes", async (bytes) => {
    const context = { a: Array.from({ length: bytes / 8_000 }, () => noise(8_000)) };
    const event = goodEvent();
    const answer = await send("/v1/batch", { headers: bearer(table.publicKey), body: { batch: [event], context } });
    if (bytes < LIMITS.batchContextBytes) {
      expect(answer.body.accepted).toBe(1);
      table.expectStored(event.messageId, { context });
    } else {
      expectAnswer(answer, { status: 413, code: "payload_too_large" });
    }
    await table.expectGoodEventTaken();
  });
});
