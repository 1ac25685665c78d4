// Tests numbers that no double can represent, and text that no store accepts. Both are repaired with a warning, and stored as the
// warning says. docs/API_DOCUMENTATION.md#answers.

import { LIMITS } from "@behaviour/contract";
import { describe } from "vitest";
import { type EventRow, eventTable, useTable } from "./table.ts";

const table = useTable("values");

function withValue(value: string): string {
  return `{"type":"track","event":"e","anonymousId":"a","messageId":"ID","properties":{"v":${value}}}`;
}

const AT = "/properties/v";

function asText(number: string): EventRow {
  return {
    name: `${number} is kept as its text`,
    event: withValue(number),
    warnings: [["number_as_text", AT]],
    stored: { properties: { v: number } },
  };
}

function asNumber(text: string): EventRow {
  return { name: `${text} is a number`, event: withValue(text), stored: { properties: { v: Number(text) } } };
}

describe("numbers", () => {
  eventTable(table, [
    asNumber("9007199254740991"),
    asNumber("-9007199254740991"),
    asNumber("0.1"),
    asNumber("1e-400"),
    asNumber("1.7976931348623157e-308"),
    asText("9007199254740992"),
    asText("-9007199254740992"),
    asText("9007199254740993"),
    asText("12345678901234567890"),
    asText("-12345678901234567890123"),
    asText("1e400"),
    asText("-1e400"),
    asText(`1${"0".repeat(400)}`),
    {
      name: "in an array",
      event: withValue("[1,12345678901234567890,2]"),
      warnings: [["number_as_text", `${AT}/1`]],
      stored: { properties: { v: [1, "12345678901234567890", 2] } },
    },
    {
      name: "two large integers, and one within a string",
      event: withValue('{"a":12345678901234567890,"b":"12345678901234567891","c":1e999}'),
      warnings: [
        ["number_as_text", `${AT}/a`],
        ["number_as_text", `${AT}/c`],
      ],
      stored: { properties: { v: { a: "12345678901234567890", b: "12345678901234567891", c: "1e999" } } },
    },
    {
      name: "as groupId",
      event: '{"type":"group","anonymousId":"a","messageId":"ID","groupId":98765432109876543210}',
      warnings: [["number_as_text", "/groupId"]],
      stored: { groupId: "98765432109876543210" },
    },
  ]);
});

function cleaned(name: string, json: string, stored: string): EventRow {
  return {
    name,
    event: withValue(json),
    warnings: [["control_chars_removed", AT]],
    stored: { properties: { v: stored } },
  };
}

function wellFormed(name: string, json: string, stored: string): EventRow {
  return {
    name,
    event: withValue(json),
    warnings: [["ill_formed_unicode", AT]],
    stored: { properties: { v: stored } },
  };
}

function kept(name: string, json: string, stored: string): EventRow {
  return { name, event: withValue(json), stored: { properties: { v: stored } } };
}

describe("control characters", () => {
  eventTable(table, [
    cleaned("NUL", '"a\\u0000b"', "ab"),
    cleaned("NUL alone", '"\\u0000"', ""),
    cleaned("backspace and form feed", '"a\\b\\fb"', "ab"),
    cleaned("escape", '"\\u001b[31mred"', "[31mred"),
    cleaned("vertical tab", '"a\\u000bb"', "ab"),
    cleaned("unit separator", '"a\\u001fb"', "ab"),
    kept("tab, LF and CR are kept", '"a\\t\\n\\rb"', "a\t\n\rb"),
    kept("DEL and C1 are kept", '"\\u007f\\u0085"', "\u007f\u0085"),
  ]);
});

describe("Unicode", () => {
  eventTable(table, [
    wellFormed("a lone high surrogate", '"a\\ud800b"', "a\ufffdb"),
    wellFormed("a lone low surrogate", '"a\\udc00b"', "a\ufffdb"),
    wellFormed("surrogates in the wrong order", '"\\ude00\\ud83d"', "\ufffd\ufffd"),
    wellFormed("half a surrogate pair at the end", '"ok \\ud83d"', "ok \ufffd"),
    kept("a surrogate pair as escapes", '"\\ud83d\\ude00"', "😀"),
    kept("a surrogate pair as itself", '"😀"', "😀"),
    kept("an emoji sequence of a family", '"👨‍👩‍👧‍👦"', "👨‍👩‍👧‍👦"),
    kept("combining marks", '"e\u0301"', "e\u0301"),
    kept("right to left", '"שלום \u202e"', "שלום \u202e"),
    kept("a BOM inside", '"a\ufeffb"', "a\ufeffb"),
    kept("noncharacters", '"\uffff\ufffe"', "\uffff\ufffe"),
    kept("line separators", '"\u2028\u2029"', "\u2028\u2029"),
    {
      name: "ill-formed and with NUL",
      event: withValue('"\\u0000\\ud800"'),
      warnings: [
        ["ill_formed_unicode", AT],
        ["control_chars_removed", AT],
      ],
      stored: { properties: { v: "\ufffd" } },
    },
    {
      name: "a lone surrogate in an id",
      event: '{"type":"track","event":"e","messageId":"ID","userId":"u\\ud800"}',
      warnings: [["ill_formed_unicode", "/userId"]],
      stored: { userId: "u\ufffd" },
    },
  ]);
});

describe("long texts", () => {
  const max = LIMITS.stringLength;
  const cut = (text: string, stored: string, name: string): EventRow => ({
    name,
    event: withValue(JSON.stringify(text)),
    warnings: [["string_truncated", AT]],
    stored: { properties: { v: stored } },
  });
  eventTable(table, [
    kept("8,192 units", JSON.stringify("x".repeat(max)), "x".repeat(max)),
    kept("8,192 units of pairs", JSON.stringify("😀".repeat(max / 2)), "😀".repeat(max / 2)),
    cut("x".repeat(max + 1), "x".repeat(max), "8,193 units"),
    cut(`${"x".repeat(max - 1)}😀`, "x".repeat(max - 1), "a surrogate pair across the limit is removed whole"),
    cut(`${"x".repeat(max - 2)}😀😀`, `${"x".repeat(max - 2)}😀`, "a surrogate pair just before the limit is kept"),
    {
      name: "control characters are removed before the length is measured",
      event: withValue(`"\\u0000${"x".repeat(max)}"`),
      warnings: [["control_chars_removed", AT]],
      stored: { properties: { v: "x".repeat(max) } },
    },
  ]);
});
