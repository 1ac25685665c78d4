// Compares the fast lane with the slow lane. The parsing stages accept every event that skim.ts calls ordinary without a change,
// with the same fields and times. Bodies are ordinary events with odd values inserted anywhere. A difference prints the seed.

import { describe, expect, it } from "vitest";
import { compileKey } from "../../src/access/compiled-key.ts";
import { Refusal } from "../../src/answer/refusal.ts";
import { sentBody } from "../../src/body/read.ts";
import { cutAddresses } from "../../src/collect/addresses.ts";
import { type JudgedEvent, judge } from "../../src/collect/judge.ts";
import { type ParsedBody, parseBody, parseWhole } from "../../src/collect/parse.ts";
import { redact } from "../../src/collect/redact.ts";
import type { IngestRoute } from "../../src/collect/routes.ts";
import { skim } from "../../src/collect/skim.ts";
import { keyRecord } from "../keys.ts";

const encoder = new TextEncoder();
const BATCH: IngestRoute = { kind: "batch", import: false };
const TRACK: IngestRoute = { kind: "event", type: "track" };
const NOW_MS = Date.UTC(2026, 10, 30, 12);
const OPTIONS = { defaultType: null, receivedAtMs: NOW_MS, isRetry: false, anyPast: false };
const KEY = compileKey(keyRecord({ project: "skim" }), "hash");

/** Deterministic, so that a failure can be reproduced. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** JSON texts that a client may send in place of any value. */
const ODD_VALUES = [
  "null",
  "true",
  "0",
  "-0",
  "-1.5",
  "1e5",
  "1E+400",
  "12345678901234567890",
  "4.0",
  "[]",
  "{}",
  '""',
  '" "',
  '"\\u0000"',
  '"a\\"b"',
  '"\\ud800"',
  '"jane@example.com"',
  '"jane%40example.com"',
  '"https://shop.example/?token=s3cr3tvalue12345"',
  '"https://u:p@shop.example/"',
  '"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefgh"',
  '"AKIAIOSFODNN7EXAMPLE"',
  '"sk_live_0123456789abcdefghij"',
  '"xoxb-123456789012-abcdef"',
  '"4111 1111 1111 1111"',
  '"4111111111111111"',
  '"203.0.113.7"',
  '"2001:db8::7"',
  '"1.84.3"',
  '"09:12:00"',
  '"undefined"',
  '"NULL"',
  '"00000000-0000-0000-0000-000000000000"',
  '"äöü"',
  '"\u3000"',
  '"日本語"',
  '"2026-11-30T11:59:59.000Z"',
  '"2099-01-01T00:00:00Z"',
  '"yesterday"',
  '"track"',
  '"alias"',
  '"Segment Consent Preference Updated"',
  '{"ip":"203.0.113.7"}',
  '{"consent":{"gcm":{"ad_storage":"denied"}}}',
  '{"a":{"b":{"c":[1,{"d":"e"}]}}}',
  '{"jane@example.com":1}',
  '{"__proto__":1}',
  '{"":1}',
  '{"a":1,"a":"jane@example.com"}',
  `"${"x".repeat(8_193)}"`,
  `"${"é".repeat(5_000)}"`,
  `{"${"k".repeat(129)}":1}`,
  `${"[".repeat(15)}${"]".repeat(15)}`,
  `${"[".repeat(17)}${"]".repeat(17)}`,
  `[${Array.from({ length: 2_001 }, () => 0).join(",")}]`,
  `{${Array.from({ length: 257 }, (_, i) => `"k${i}":0`).join(",")}}`,
];
/** Texts that are not JSON. */
const BROKEN_VALUES = [
  "01",
  "1.",
  "-",
  "tru",
  "nul",
  '"a\nb"',
  '"\\x"',
  "'a'",
  "NaN",
  "",
  "1 2",
  "[1,]",
  '{"a":}',
  "{a:1}",
];
const KEYS = (
  "type event name userId anonymousId groupId previousId messageId timestamp originalTimestamp sentAt properties traits " +
  "context integrations channel _metadata ip consent writeKey"
).split(" ");

function ordinaryEvent(random: (below: number) => number): [string, string][] {
  const id = `m-${random(2 ** 31)}-${random(2 ** 31)}`;
  return [
    ["type", JSON.stringify(["track", "page", "identify"][random(3)])],
    ["event", '"Product Viewed"'],
    ["messageId", JSON.stringify(id)],
    ["anonymousId", `"a-${random(1_000)}"`],
    ["userId", random(2) === 0 ? "null" : `"user_${random(1_000)}"`],
    ["timestamp", '"2026-11-30T11:59:59.123Z"'],
    ["properties", '{"url":"https://shop.example/?ref=1","price":12.5,"tags":["a","b"],"ok":true}'],
    ["context", '{"library":{"name":"x","version":"1.84.3"},"locale":"de-DE","userAgent":"Mozilla/5.0 (X11; Linux)"}'],
    ["integrations", "{}"],
  ];
}

const SPACES = ["", "", "", " ", "\n", "\t \r\n"];

function eventText(random: (below: number) => number, brokenEvery: number): string {
  const members = ordinaryEvent(random);
  for (let odd = random(3); odd > 0; odd--) {
    const isBroken = random(brokenEvery) === 0;
    const values = isBroken ? BROKEN_VALUES : ODD_VALUES;
    const value = values[random(values.length)] as string;
    const place = random(members.length);
    const kind = random(4);
    if (kind === 0) members[place] = [(members[place] as [string, string])[0], value];
    else if (kind === 1) members.splice(place, 1);
    else if (kind === 2) members.push([KEYS[random(KEYS.length)] as string, value]);
    else members[place] = ["properties", `{"below":${value}}`];
  }
  const space = SPACES[random(SPACES.length)] as string;
  return `{${space}${members.map(([key, value]) => `${JSON.stringify(key)}${space}:${value}`).join(`,${space}`)}}`;
}

function isSame(event: JudgedEvent, slow: JudgedEvent): void {
  expect(event.messageId).toBe(slow.messageId);
  expect(event.subjectKey).toBe(slow.subjectKey);
  expect(event.timeMs).toBe(slow.timeMs);
  expect(event.firstTakenMs).toBe(slow.firstTakenMs);
  expect(event.event).toEqual(slow.event);
  const { anonymousId, userId } = (event as unknown as { ids: Record<string, unknown> }).ids;
  expect([anonymousId, userId]).toEqual([slow.event.anonymousId ?? null, slow.event.userId ?? null]);
}

/** Removes an assigned messageId, because each run assigns a different id. */
function withoutAssigned(event: JudgedEvent["event"], text: string): JudgedEvent["event"] {
  return text.includes(JSON.stringify(event.messageId)) ? event : { ...event, messageId: null };
}

/** @returns the number of ordinary events in the body */
function compare(text: string, route: IngestRoute): number {
  const sent = sentBody(encoder.encode(text));
  const options = { ...OPTIONS, defaultType: route.kind === "event" ? route.type : null };
  const slow = parseWhole(sent, route);
  const parsed = parseBody(sent, route);
  if (slow instanceof Refusal || parsed instanceof Refusal) {
    expect(parsed).toEqual(slow);
    return 0;
  }
  const fast = judge(parsed, options);
  redact(fast, parsed, KEY);
  const judged = judge(slow, options);
  const untouched = new Map(judged.events.map((event) => [event.index, JSON.stringify(event.event)]));
  redact(judged, slow, KEY);
  const byIndex = new Map(judged.events.map((event) => [event.index, event]));
  expect(fast.events.map(({ index }) => index)).toEqual(judged.events.map(({ index }) => index));
  expect(fast.rejected).toEqual(judged.rejected);
  expect(fast.warnings.answer(fast.rejected)).toEqual(judged.warnings.answer(judged.rejected));
  let ordinary = 0;
  for (const event of fast.events) {
    const same = byIndex.get(event.index) as JudgedEvent;
    if (event.isOrdinary !== true) {
      expect(withoutAssigned(event.event, text)).toEqual(withoutAssigned(same.event, text));
      expect(event.pii).toEqual(same.pii);
      continue;
    }
    ordinary++;
    isSame(event, same);
    expect(same.pii).toBeUndefined();
    expect(JSON.stringify(same.event)).toBe(untouched.get(event.index));
    expect(cutAddresses(same.event, false)).toBe(same.event);
  }
  return ordinary;
}

describe("the fast lane", () => {
  it("accepts no event that the slow lane would change, refuse or warn about, in 4,000 batches", () => {
    let ordinary = 0;
    for (let seed = 1; seed <= 4_000; seed++) {
      const random = randomOf(seed);
      const events = Array.from({ length: 1 + random(4) }, () => eventText(random, 12));
      const beside = ["", "", ',"sentAt":"2026-11-30T12:00:00.000Z"', ',"sentAt":7', ',"context":{"ip":"203.0.113.7"}'];
      const text = `{"batch":[${events.join(",")}]${beside[random(beside.length)]}}`;
      try {
        ordinary += compare(text, BATCH);
      } catch (fault) {
        throw new Error(`seed ${seed}: ${text.slice(0, 2_000)}`, { cause: fault });
      }
    }
    expect(ordinary).toBeGreaterThan(1_000);
  });

  it("accepts no single event that the slow lane would change, refuse or warn about, in 4,000 events", () => {
    let ordinary = 0;
    for (let seed = 1; seed <= 4_000; seed++) {
      const text = eventText(randomOf(seed), 12);
      try {
        ordinary += compare(text, TRACK);
      } catch (fault) {
        throw new Error(`seed ${seed}: ${text.slice(0, 2_000)}`, { cause: fault });
      }
    }
    expect(ordinary).toBeGreaterThan(500);
  });

  it("accepts no body that is truncated at any byte or has extra bytes", () => {
    const whole = `{"batch":[{${ordinaryEvent(randomOf(7))
      .map(([key, value]) => `"${key}":${value}`)
      .join(",")}}],"sentAt":"2026-11-30T12:00:00.000Z"}`;
    const take = (text: string) => skim(encoder.encode(text), text, "batch");
    expect(take(whole)?.events).toHaveLength(1);
    for (let end = 0; end < whole.length; end++) expect(take(whole.slice(0, end))).toBeNull();
    for (const more of ["}", ",", "{}", "\u0000", "x"]) expect(take(whole + more)).toBeNull();
  });

  it("returns the position of each event, in text of any script", () => {
    const texts = [
      '{"type":"page","messageId":"1","anonymousId":"ä","name":"Übersicht"}',
      '{"type":"page","messageId":"2","userId":"日本"}',
    ];
    const sent = sentBody(encoder.encode(`{ "batch" : [ ${texts.join(" , ")} ] }`));
    const parsed = parseBody(sent, BATCH) as ParsedBody;
    const { events } = judge(parsed, OPTIONS);
    expect(events.map(({ isOrdinary }) => isOrdinary)).toEqual([true, true]);
    expect(events.map(({ event }) => event)).toEqual(texts.map((text) => JSON.parse(text) as unknown));
  });
});
