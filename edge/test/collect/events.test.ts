// Tests valid and invalid fields of one event. docs/API_DOCUMENTATION.md#answers and #sending-events.

import { LIMITS } from "@behaviour/contract";
import { describe } from "vitest";
import { type EventRow, eventTable, useTable } from "./table.ts";

const table = useTable("events");

const NO_IDENTITY = { anonymousId: null, userId: undefined };

describe("types", () => {
  const rows: EventRow[] = [
    { name: "track", event: {}, stored: { type: "track", event: "Tested" } },
    { name: "page", event: { type: "page", name: "Home" } },
    { name: "page without a name", event: { type: "page", name: null } },
    { name: "page with an empty name", event: { type: "page", name: "" } },
    { name: "screen", event: { type: "screen", name: "Home" } },
    { name: "identify", event: { type: "identify", userId: "u-1", traits: { plan: "pro" } } },
    { name: "identify, traits in context only", event: { type: "identify", context: { traits: { plan: "pro" } } } },
    { name: "group", event: { type: "group", groupId: "g-1" } },
    { name: "alias", event: { type: "alias", userId: "u-2", previousId: "u-1" } },
    { name: "an unknown type", event: { type: "purchase" }, rejected: ["invalid_type", "/type"] },
    { name: "a type in capitals", event: { type: "Track" }, rejected: ["invalid_type", "/type"] },
    { name: "an empty type", event: { type: "" }, rejected: ["invalid_type", "/type"] },
    { name: "a type that is a number", event: { type: 1 }, rejected: ["invalid_type", "/type"] },
    { name: "a type that is an object's method", event: { type: "constructor" }, rejected: ["invalid_type", "/type"] },
    { name: "group without groupId", event: { type: "group" }, rejected: ["missing_field", "/groupId"] },
    {
      name: "alias without previousId",
      event: { type: "alias", userId: "u" },
      rejected: ["missing_field", "/previousId"],
    },
  ];
  eventTable(table, rows);
});

describe("event names", () => {
  const long = "n".repeat(LIMITS.eventNameLength);
  eventTable(table, [
    { name: "missing", event: { event: undefined }, rejected: ["missing_field", "/event"] },
    { name: "null", event: { event: null }, rejected: ["missing_field", "/event"] },
    { name: "empty", event: { event: "" }, rejected: ["invalid_event_name", "/event"] },
    { name: "a number", event: { event: 7 }, rejected: ["invalid_type", "/event"] },
    { name: "an object", event: { event: {} }, rejected: ["invalid_type", "/event"] },
    { name: "a boolean", event: { event: true }, rejected: ["invalid_type", "/event"] },
    { name: "200 characters", event: { event: long }, stored: { event: long } },
    { name: "201 characters", event: { event: `${long}n` }, rejected: ["invalid_event_name", "/event"] },
    { name: "with NUL", event: { event: "a\u0000b" }, rejected: ["invalid_event_name", "/event"] },
    { name: "with an escape character", event: { event: "a\u001bb" }, rejected: ["invalid_event_name", "/event"] },
    { name: "with a line feed", event: { event: "a\nb" }, stored: { event: "a\nb" } },
    { name: "non-ASCII", event: { event: "Bestellung ✓ 完了 🛒" }, stored: { event: "Bestellung ✓ 完了 🛒" } },
    {
      name: "with a lone surrogate",
      event: { event: "a\ud800b" },
      warnings: [["ill_formed_unicode", "/event"]],
      stored: { event: "a\ufffdb" },
    },
    { name: "a page name that is a number", event: { type: "page", name: 7 }, rejected: ["invalid_type", "/name"] },
    {
      name: "a page name that is too long",
      event: { type: "page", name: `${long}n` },
      rejected: ["invalid_event_name", "/name"],
    },
    {
      name: "a screen name with NUL",
      event: { type: "screen", name: "\u0000" },
      rejected: ["invalid_event_name", "/name"],
    },
  ]);
});

describe("ids", () => {
  const long = "i".repeat(LIMITS.idLength);
  const emptyId = (field: string, base: Record<string, unknown>): EventRow => ({
    name: `${field} empty`,
    event: { ...base, [field]: "" },
    rejected: ["invalid_user_id", `/${field}`],
  });
  const each = (field: string, base: Record<string, unknown> = {}): EventRow[] => [
    { name: `${field} null`, event: { ...base, [field]: null } },
    { name: `${field} of 256 characters`, event: { ...base, [field]: long }, stored: { [field]: long } },
    { name: `${field} of 257`, event: { ...base, [field]: `${long}i` }, rejected: ["invalid_user_id", `/${field}`] },
    ...(field === "userId" ? [] : [emptyId(field, base)]),
    { name: `${field} with NUL`, event: { ...base, [field]: "a\u0000" }, rejected: ["invalid_user_id", `/${field}`] },
    { name: `${field} an array`, event: { ...base, [field]: ["a"] }, rejected: ["invalid_type", `/${field}`] },
    { name: `${field} a boolean`, event: { ...base, [field]: false }, rejected: ["invalid_type", `/${field}`] },
    { name: `${field} non-ASCII`, event: { ...base, [field]: "ид-🙂" }, stored: { [field]: "ид-🙂" } },
  ];
  eventTable(table, [
    ...each("userId"),
    emptyId("userId", { anonymousId: undefined }),
    { name: "an empty userId of a visitor who has not signed in", event: { userId: "" }, stored: { userId: null } },
    { name: "both empty", event: { userId: "", anonymousId: "" }, rejected: ["invalid_user_id", "/anonymousId"] },
    ...each("anonymousId", { userId: "u-1" }),
    ...each("groupId"),
    ...each("previousId"),
    { name: "a number as userId", event: { userId: 42 } },
    { name: "a fraction as userId", event: { userId: 4.5 } },
    {
      name: "an integer that no double can represent as userId",
      event: '{"type":"track","event":"e","messageId":"ID","userId":12345678901234567890}',
      warnings: [["number_as_text", "/userId"]],
      stored: { userId: "12345678901234567890" },
    },
    { name: "no identity at all", event: NO_IDENTITY, rejected: ["missing_identity"] },
    { name: "both null", event: { userId: null, anonymousId: null }, rejected: ["missing_identity"] },
    { name: "userId alone", event: { userId: "u-1", anonymousId: undefined } },
    { name: "only a groupId", event: { ...NO_IDENTITY, groupId: "g" }, rejected: ["missing_identity"] },
  ]);
});

describe("texts of blank characters only", () => {
  const blanks: [name: string, text: string][] = [
    ["a blank", " "],
    ["three blanks", "   "],
    ["tab and line feed", "\t\n"],
    ["no-break space", "\u00a0"],
    ["narrow no-break space", "\u202f"],
    ["ideographic space", "\u3000"],
    ["Ogham space", "\u1680"],
    ["line separator", "\u2028"],
    ["zero-width space", "\u200b"],
    ["zero-width joiners", "\u200c\u200d\u2060"],
    ["byte-order mark", "\ufeff"],
    ["soft hyphen", "\u00ad"],
    ["Hangul filler", "\u3164"],
    ["empty Braille cell", "\u2800"],
    ["tag characters", "\u{e0020}\u{e007f}"],
    ["a mixture", " \u200b\u3000 "],
  ];
  const noDevice = { anonymousId: undefined };
  eventTable(
    table,
    blanks.flatMap(([name, text]): EventRow[] => [
      { name: `event: ${name}`, event: { event: text }, rejected: ["invalid_event_name", "/event"] },
      { name: `page: ${name}`, event: { type: "page", name: text }, rejected: ["invalid_event_name", "/name"] },
      { name: `screen: ${name}`, event: { type: "screen", name: text }, rejected: ["invalid_event_name", "/name"] },
      { name: `userId: ${name}`, event: { userId: text }, rejected: ["invalid_user_id", "/userId"] },
      { name: `only userId: ${name}`, event: { ...noDevice, userId: text }, rejected: ["invalid_user_id", "/userId"] },
      {
        name: `anonymousId: ${name}`,
        event: { userId: "u", anonymousId: text },
        rejected: ["invalid_user_id", "/anonymousId"],
      },
      { name: `both: ${name}`, event: { userId: text, anonymousId: text }, rejected: ["missing_identity"] },
      {
        name: `groupId: ${name}`,
        event: { type: "group", groupId: text },
        rejected: ["invalid_user_id", "/groupId"],
      },
      {
        name: `previousId: ${name}`,
        event: { type: "alias", userId: "u", previousId: text },
        rejected: ["invalid_user_id", "/previousId"],
      },
      { name: `messageId: ${name}`, event: { messageId: text }, rejected: ["invalid_message_id", "/messageId"] },
    ]),
  );
  eventTable(table, [
    { name: "blanks beside a letter are part of a name", event: { event: " a\u200b" }, stored: { event: " a\u200b" } },
    { name: "blanks beside a letter are part of an id", event: { userId: "\u3000a" }, stored: { userId: "\u3000a" } },
    {
      name: "a zero-width joiner in an emoji sequence is kept",
      event: { event: "👨\u200d👩" },
      stored: { event: "👨\u200d👩" },
    },
    { name: "blanks in a property are kept", event: { properties: { a: "  " } }, stored: { properties: { a: "  " } } },
  ]);
});

describe("placeholder ids", () => {
  const placeholders = [
    "null",
    "undefined",
    "NaN",
    "none",
    "0",
    "-1",
    "true",
    "false",
    "anonymous",
    "guest",
    "unknown",
  ];
  const others = ["[object Object]", "00000000-0000-0000-0000-000000000000", "NULL", "Guest"];
  eventTable(table, [
    ...[...placeholders, ...others].map(
      (userId): EventRow => ({
        name: userId,
        event: { userId },
        warnings: [["suspicious_user_id", "/userId"]],
        stored: { userId },
      }),
    ),
    { name: "the number 0", event: { userId: 0 }, warnings: [["suspicious_user_id", "/userId"]] },
    { name: "an id that only starts like a placeholder", event: { userId: "nullable" } },
  ]);
});

describe("messageId", () => {
  const id = () => crypto.randomUUID();
  const pad = (length: number) => `${id()}${"m".repeat(length)}`.slice(0, length);
  eventTable(table, [
    { name: "empty", event: { messageId: "" }, rejected: ["invalid_message_id", "/messageId"] },
    { name: "101 characters", event: { messageId: pad(101) }, rejected: ["invalid_message_id", "/messageId"] },
    { name: "with NUL", event: { messageId: "\u0000" }, rejected: ["invalid_message_id", "/messageId"] },
    { name: "with a backspace", event: { messageId: "a\bc" }, rejected: ["invalid_message_id", "/messageId"] },
    { name: "a number", event: { messageId: 5 }, rejected: ["invalid_type", "/messageId"] },
    { name: "an object", event: { messageId: {} }, rejected: ["invalid_type", "/messageId"] },
    { name: "a boolean", event: { messageId: true }, rejected: ["invalid_type", "/messageId"] },
  ]);
});

describe("objects", () => {
  const wrong = ["text", 1, true, ["a"]];
  eventTable(
    table,
    ["properties", "traits", "context", "integrations"].flatMap((field): EventRow[] => [
      { name: `${field} null`, event: { [field]: null } },
      { name: `${field} empty`, event: { [field]: {} } },
      ...wrong.map(
        (value): EventRow => ({
          name: `${field} ${JSON.stringify(value)}`,
          event: { [field]: value },
          rejected: ["invalid_type", `/${field}`],
        }),
      ),
    ]),
  );
});

describe("unknown fields", () => {
  eventTable(table, [
    {
      name: "are kept",
      event: { channel: "web", _metadata: { bundled: [] }, sequence: 3, version: "2", writeKey: null },
      stored: { channel: "web", _metadata: { bundled: [] }, sequence: 3, version: "2" },
    },
    {
      name: "with names of object methods",
      event: { properties: { constructor: "a", toString: "b", hasOwnProperty: 1, valueOf: null } },
      stored: { properties: { constructor: "a", toString: "b", hasOwnProperty: 1, valueOf: null } },
    },
  ]);
});
