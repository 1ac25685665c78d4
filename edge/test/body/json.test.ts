// Tests JSON that must be accepted and JSON that must be refused, with generated cases in the style of JSONTestSuite. RFC 8259.

import { describe, it } from "vitest";
import { bearer, goodEvent, send } from "../client.ts";
import { type EventRow, eventTable, expectAnswer, useTable } from "../collect/table.ts";

const table = useTable("json");

/** An event in which this text is the value of a property. */
function withValue(value: string): string {
  return `{"type":"track","event":"e","anonymousId":"a","messageId":"ID","properties":{"v":${value}}}`;
}

const VALUES: string[] = [
  "null",
  "true",
  "false",
  "0",
  "1",
  "-1",
  "123.5",
  "-0.1",
  "1e3",
  "1E3",
  "1e+3",
  "1e-3",
  "0e0",
  "0.0",
  "1.0e10",
  "9007199254740991",
  "-9007199254740991",
  "5e-324",
  "1e-400",
  '""',
  '"a"',
  '"\\u0041"',
  '"\\""',
  '"\\\\"',
  '"\\/"',
  '"\\n\\r\\t"',
  '"\\uD83D\\uDE00"',
  '"\u{1F600}"',
  '"\u2028\u2029"',
  '"\\u2028"',
  '"\ufeff"',
  '"\\ufffe"',
  '"\u00ff"',
  "[]",
  "[ ]",
  "[[]]",
  "[1,2]",
  '[null,true,"a",{}]',
  "{}",
  '{"a":{}}',
  '{"a":1,"b":[{}]}',
  '{ "a" : 1 }',
  "\t1\n",
  "\r\n[\t]\r",
];

describe("values that must be accepted", () => {
  eventTable(
    table,
    VALUES.map(
      (value): EventRow => ({
        name: JSON.stringify(value),
        event: withValue(value),
        stored: { properties: { v: JSON.parse(value) as unknown } },
      }),
    ),
  );
});

const BROKEN_VALUES: string[] = [
  "",
  "nul",
  "NULL",
  "True",
  "undefined",
  "NaN",
  "Infinity",
  "-Infinity",
  "-",
  "+1",
  "01",
  "-01",
  ".5",
  "1.",
  "1.e3",
  "1e",
  "1e+",
  "0x1",
  "1_000",
  "1,",
  ",1",
  "1 2",
  "'a'",
  '"',
  '"a',
  'a"',
  '"\\x"',
  '"\\u12"',
  '"\\uZZZZ"',
  '"\\',
  '"\t"',
  '"\n"',
  '"\u0000"',
  '"\u001f"',
  "[",
  "]",
  "[1,]",
  "[,1]",
  "[1 2]",
  "[1,,2]",
  "[1",
  "{",
  "}",
  "{a:1}",
  "{'a':1}",
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{,"a":1}',
  '{"a" 1}',
  '{"a":1 "b":2}',
  "{1:1}",
  '{"a"::1}',
  "/* c */1",
  "// c\n1",
  "1#",
  "\u00a0",
  "\u2028",
  "<a/>",
  "\\u0031",
];

describe("values that must be refused", () => {
  it.concurrent.each(BROKEN_VALUES)("%j", async (value) => {
    const text = withValue(value).replaceAll("ID", goodEvent().messageId);
    for (const [path, body] of [
      ["/v1/track", text],
      ["/v1/batch", `{"batch":[${text}]}`],
    ] as const) {
      expectAnswer(await send(path, { headers: bearer(table.publicKey), body }), { status: 400, code: "invalid_json" });
    }
    await table.expectGoodEventTaken();
  });
});

describe("whole bodies", () => {
  const good = () => JSON.stringify(goodEvent());
  const rows: {
    name: string;
    body: () => string;
    status: number;
    code?: "invalid_json" | "invalid_payload" | "empty_body";
  }[] = [
    { name: "white space around", body: () => ` \t\r\n${good()}\r\n `, status: 200 },
    { name: "a BOM", body: () => `\ufeff${good()}`, status: 200 },
    { name: "two BOMs", body: () => `\ufeff\ufeff${good()}`, status: 400, code: "invalid_json" },
    { name: "a BOM alone", body: () => "\ufeff", status: 400, code: "empty_body" },
    { name: "white space alone", body: () => " \n\t ", status: 400, code: "empty_body" },
    { name: "nothing", body: () => "", status: 400, code: "empty_body" },
    { name: "text after the value", body: () => `${good()}x`, status: 400, code: "invalid_json" },
    { name: "two values", body: () => `${good()}${good()}`, status: 400, code: "invalid_json" },
    { name: "lines of JSON", body: () => `${good()}\n${good()}`, status: 400, code: "invalid_json" },
    { name: "a NUL after it", body: () => `${good()}\u0000`, status: 400, code: "invalid_json" },
    { name: "cut in half", body: () => good().slice(0, 40), status: 400, code: "invalid_json" },
    { name: "a form", body: () => "event=Tested&anonymousId=a", status: 400, code: "invalid_json" },
    { name: "null", body: () => "null", status: 400, code: "invalid_payload" },
    { name: "a number", body: () => "1", status: 400, code: "invalid_payload" },
    { name: "a text", body: () => '"text"', status: 400, code: "invalid_payload" },
    { name: "an array of events", body: () => `[${good()}]`, status: 400, code: "invalid_payload" },
    { name: "100,000 opening brackets", body: () => "[".repeat(100_000), status: 400, code: "invalid_json" },
    {
      name: "100,000 brackets, closed",
      body: () => "[".repeat(100_000) + "]".repeat(100_000),
      status: 400,
      code: "invalid_payload",
    },
    { name: "100,000 objects, open", body: () => '{"a":'.repeat(100_000), status: 400, code: "invalid_json" },
  ];
  it.concurrent.each(rows)("$name", async ({ body, status, code }) => {
    const answer = await send("/v1/track", { headers: bearer(table.publicKey), body: body() });
    expectAnswer(answer, code === undefined ? { status } : { status, code });
    await table.expectGoodEventTaken();
  });
});

describe("keys", () => {
  eventTable(table, [
    { name: "the last of two is kept", event: withValue('{"a":1,"a":2}'), stored: { properties: { v: { a: 2 } } } },
    {
      name: "the last event name",
      event: '{"type":"track","event":"first","event":"last","anonymousId":"a","messageId":"ID"}',
      stored: { event: "last" },
    },
    { name: "with escapes", event: withValue('{"\\u0061":1}'), stored: { properties: { v: { a: 1 } } } },
    {
      name: "with dots, dollars, spaces",
      event: withValue('{"a.b":1,"$c":2,"d e":3}'),
      stored: { properties: { v: { "a.b": 1, $c: 2, "d e": 3 } } },
    },
    { name: "that are numbers", event: withValue('{"1":1,"0":0}'), stored: { properties: { v: { 0: 0, 1: 1 } } } },
    {
      name: "empty",
      event: withValue('{"":1,"a":2}'),
      warnings: [["invalid_key", "/properties/v/"]],
      stored: { properties: { v: { a: 2 } } },
    },
    {
      name: "of 128 units",
      event: withValue(`{"${"k".repeat(128)}":1}`),
      stored: { properties: { v: { ["k".repeat(128)]: 1 } } },
    },
    {
      name: "of 129 units",
      event: withValue(`{"${"k".repeat(129)}":1,"a":2}`),
      warnings: [["invalid_key"]],
      stored: { properties: { v: { a: 2 } } },
    },
    {
      name: "with NUL",
      event: withValue('{"a\\u0000b":1,"a":2}'),
      warnings: [["invalid_key"]],
      stored: { properties: { v: { a: 2 } } },
    },
    {
      name: "with a lone surrogate",
      event: withValue('{"a\\ud800":1}'),
      warnings: [["ill_formed_unicode"]],
      stored: { properties: { v: { "a\ufffd": 1 } } },
    },
    {
      name: "__proto__",
      event: withValue('{"__proto__":{"polluted":1},"a":2}'),
      warnings: [["forbidden_key", "/properties/v/__proto__"]],
      stored: { properties: { v: { a: 2 } } },
    },
    {
      name: "__proto__ with escapes",
      event: withValue('{"\\u005f_proto__":1,"a":2}'),
      warnings: [["forbidden_key"]],
      stored: { properties: { v: { a: 2 } } },
    },
    {
      name: "__proto__ at the top",
      event: '{"__proto__":{"event":"x"},"type":"track","event":"e","anonymousId":"a","messageId":"ID"}',
      warnings: [["forbidden_key", "/__proto__"]],
      stored: { event: "e" },
    },
    {
      name: "pointer escapes",
      event: withValue('{"a/b~c":"\\u0000x"}'),
      warnings: [["control_chars_removed", "/properties/v/a~1b~0c"]],
      stored: { properties: { v: { "a/b~c": "x" } } },
    },
  ]);
});
