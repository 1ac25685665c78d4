// Lists invalid and hostile input: each entry is a line or a record of the raw stream, with the result that it must have.

import { gzipSync } from "node:zlib";
import { type FailureCode, LIMITS } from "@behaviour/contract";
import { batchLine, eventLine, frame, type Sent, track } from "../process/sample.ts";

export interface Poison {
  name: string;
  /** The records to put into the raw stream. */
  frames: (project: string) => Uint8Array[];
  /** The result; for a stored event its message id and, where given, its properties and name. */
  end:
    | { stored: string; properties?: unknown; event?: string }
    /** `messageId` is null where none can be read. `project` is set where the project cannot be known. */
    | { failed: FailureCode; messageId: string | null; project?: "unknown" };
}

const slug = (name: string) => name.replaceAll(/[^a-z0-9]+/gi, "-");

/** @param edit changes the line to text that JSON.stringify cannot produce */
function event(
  name: string,
  changes: Sent,
  end: "stored" | FailureCode,
  more: { edit?: (line: string) => string; properties?: unknown; event?: string; messageId?: string | null } = {},
): Poison {
  const messageId = slug(name);
  const { edit = (line: string) => line } = more;
  return {
    name,
    frames: (project) => [frame([edit(eventLine(track(messageId, changes), { project }))])],
    end:
      end === "stored"
        ? {
            stored: more.messageId ?? messageId,
            ...("properties" in more ? { properties: more.properties } : {}),
            ...(more.event === undefined ? {} : { event: more.event }),
          }
        : { failed: end, messageId: more.messageId === undefined ? messageId : more.messageId },
  };
}

/** Puts JSON text in place of `"HERE"`. */
const put = (text: string) => (line: string) => line.replace('"HERE"', text);
const HERE = { properties: { a: "HERE" } };
const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));

function record(
  name: string,
  bytes: (project: string) => Uint8Array[],
  failed: FailureCode,
  project?: "unknown",
): Poison {
  return { name, frames: bytes, end: { failed, messageId: null, ...(project === undefined ? {} : { project }) } };
}

function brokenUtf8(project: string): Uint8Array {
  const line = Buffer.from(`${eventLine(track("broken-utf-8", { event: "XX" }), { project })}\n`);
  line.fill(0xff, line.indexOf("XX"), line.indexOf("XX") + 2);
  return gzipSync(line);
}

export const POISONS: readonly Poison[] = [
  event("NUL in a value", HERE, "stored", { edit: put('"x\\u0000y"'), properties: { a: "xy" } }),
  event("NUL in a key", { properties: { good: 1, bad: "HERE" } }, "stored", {
    edit: (line) => line.replace('"bad"', '"b\\u0000d"'),
    properties: { good: 1 },
  }),
  event("NUL in the name", { event: "HERE" }, "stored", { edit: put('"Vie\\u0000wed"'), event: "Viewed" }),
  event("bells and escapes", { properties: { a: "\u0007ring\u001b[31m" } }, "stored", {
    properties: { a: "ring[31m" },
  }),
  event("lone high surrogate", HERE, "stored", { edit: put('"x\\ud800"'), properties: { a: "x\ufffd" } }),
  event("lone low surrogate", HERE, "stored", { edit: put('"\\udfffx"'), properties: { a: "\ufffdx" } }),
  event("surrogates in the wrong order", HERE, "stored", {
    edit: put('"\\udc00\\ud800"'),
    properties: { a: "\ufffd\ufffd" },
  }),
  event("lone surrogate in a key", { properties: { good: 1, bad: 2 } }, "stored", {
    edit: (line) => line.replace('"bad"', '"\\ud83d"'),
    properties: { good: 1 },
  }),
  event("lone surrogate in the name", { event: "HERE" }, "stored", { edit: put('"\\ud83d!"'), event: "\ufffd!" }),
  event("number beyond doubles", HERE, "stored", { edit: put("1e400"), properties: { a: "Infinity" } }),
  event("number below doubles", HERE, "stored", { edit: put("-1e400"), properties: { a: "-Infinity" } }),
  event("number of nothing", HERE, "stored", { edit: put("1e-400"), properties: { a: 0 } }),
  event("minus nothing", HERE, "stored", { edit: put("-0"), properties: { a: 0 } }),
  event("number with a thousand digits", HERE, "stored", {
    edit: put(`1${"0".repeat(1_000)}`),
    properties: { a: "Infinity" },
  }),
  event("nested sixteen deep", HERE, "stored", { edit: put(nested(13)) }),
  event("nested too deep", HERE, "invalid_event", { edit: put(nested(20)) }),
  event("nested fifty thousand deep", HERE, "invalid_event", {
    edit: put(`${"[".repeat(50_000)}${"]".repeat(50_000)}`),
  }),
  event("objects fifty thousand deep", HERE, "invalid_event", { edit: put(nested(50_000)) }),
  event("name of 3,000 characters", { event: "n".repeat(3_000) }, "invalid_event"),
  event("name of 201 characters", { event: "n".repeat(201) }, "invalid_event"),
  event("name of 200 emoji", { event: "🛒".repeat(200) }, "stored", { event: "🛒".repeat(200) }),
  event("page of 3,000 characters", { type: "page", event: undefined, name: "p".repeat(3_000) }, "stored"),
  event("name that is a number", { event: 17 }, "invalid_event"),
  event("name that is a list", { event: ["a"] }, "invalid_event"),
  event("no name", { event: undefined }, "invalid_event"),
  event("too many keys", { properties: keys(300) }, "invalid_event"),
  event("too many values", { properties: { a: Array.from({ length: 2_500 }, () => 0) } }, "invalid_event"),
  event("1,500 nulls", { properties: { a: Array.from({ length: 1_500 }, () => null) } }, "stored"),
  event("key too long", { properties: { good: 1, ["k".repeat(200)]: 2 } }, "stored", { properties: { good: 1 } }),
  event("empty key", { properties: { good: 1, "": 2 } }, "stored", { properties: { good: 1 } }),
  event("prototype as key", { properties: { good: 1, bad: { x: 1 } } }, "stored", {
    edit: (line) => line.replace('"bad"', '"__proto__"'),
    properties: { good: 1 },
  }),
  event("constructor as key", { properties: { constructor: "c", toString: "t", hasOwnProperty: 1 } }, "stored", {
    properties: { constructor: "c", toString: "t", hasOwnProperty: 1 },
  }),
  event("text of 100,000 characters", { properties: { a: "x".repeat(100_000) } }, "stored", {
    properties: { a: "x".repeat(LIMITS.stringLength) },
  }),
  event("text cut through an emoji", { properties: { a: `${"x".repeat(LIMITS.stringLength - 1)}🛒` } }, "stored"),
  event("no messageId", { messageId: undefined }, "invalid_event", { messageId: null }),
  event("messageId too long", { messageId: "m".repeat(101) }, "invalid_event", { messageId: "m".repeat(100) }),
  event("messageId that is a number", { messageId: 4_711 }, "stored", { messageId: "4711" }),
  event("messageId that is an object", { messageId: { a: 1 } }, "invalid_event", { messageId: null }),
  event("unknown type", { type: "poke" }, "invalid_event"),
  event("type that is a number", { type: 1 }, "invalid_event"),
  event("properties that are a list", { properties: [1, 2] }, "invalid_event"),
  event("properties that are a text", { properties: "a=1" }, "invalid_event"),
  event("context that is a list", { context: [] }, "invalid_event"),
  event("traits that are a number", { traits: 7 }, "invalid_event"),
  event("userId that is an object", { userId: { id: 1 } }, "invalid_event"),
  event("userId too long", { userId: "u".repeat(257) }, "invalid_event"),
  event("userId empty", { userId: "" }, "invalid_event"),
  event("nobody", { anonymousId: undefined }, "invalid_event"),
  event("a time that is none", { timestamp: "tomorrow" }, "stored"),
  event("a time of Postgres", { timestamp: "infinity" }, "stored"),
  event("the year 40,000", { timestamp: 1.2e15 }, "stored"),
  event("a time that is an object", { timestamp: { $date: 1 } }, "stored"),
  event(
    "an address that is none",
    { properties: { url: "https://%zz:99999/\\..\\?utm_source=%E0%A4%A", referrer: "::::" } },
    "stored",
  ),
  event("a user agent of 8,000 characters", { context: { userAgent: `Mozilla/5.0 (${"A;".repeat(4_000)}` } }, "stored"),
  event("Bobby Tables", { properties: { a: "'); drop table event; --", b: '$1 {"x",NULL} \\N \\.' } }, "stored", {
    properties: { a: "'); drop table event; --", b: '$1 {"x",NULL} \\N \\.' },
  }),
  event("text that turns around", { properties: { a: "\u202Egnp.exe\u2028\u2029\ufeff" } }, "stored", {
    properties: { a: "\u202Egnp.exe\u2028\u2029\ufeff" },
  }),
  {
    name: "an item that is null",
    frames: (project) => [frame([batchLine([null], { project })])],
    end: { failed: "invalid_event", messageId: null },
  },
  {
    name: "an item that is a text",
    frames: (project) => [frame([batchLine(["track"], { project })])],
    end: { failed: "invalid_event", messageId: null },
  },
  record(
    "a batch that is no list",
    (project) => [frame([eventLine({ batch: 1 }, { project, shape: "batch" })])],
    "unreadable_envelope",
  ),
  record(
    "an envelope of tomorrow",
    (project) => [frame([JSON.stringify({ v: 2, project, events: [] })])],
    "unreadable_envelope",
  ),
  record(
    "a receipt beyond time",
    (project) => [frame([batchLine([track("never")], { project, receivedAtMs: 1e300 })])],
    "unreadable_envelope",
  ),
  record("a line that is no JSON", () => [frame(['{"v":1,"project":'])], "unreadable_envelope", "unknown"),
  record("a line that is no UTF-8", (project) => [brokenUtf8(project)], "unreadable_envelope", "unknown"),
  record("a record that is no gzip", () => [Buffer.from("GET / HTTP/1.1")], "unreadable_frame", "unknown"),
  record(
    "a record cut short",
    () => [Buffer.from(frame([eventLine(track("never"))])).subarray(0, 80)],
    "unreadable_frame",
    "unknown",
  ),
  record("a gzip bomb", () => [gzipSync(Buffer.alloc(80 * 1024 * 1024, 0x20))], "unreadable_frame", "unknown"),
];
