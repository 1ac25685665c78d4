// Tests that personal data is removed before the first write: every kind of canary in every place of a request, in every form of
// a request and with every outcome of consent. No canary may be in a row of the shard, on the stream, on the live tail, in a log
// or in an answer. E7, I6.

import { runInDurableObject } from "cloudflare:test";
import { gzipSync } from "node:zlib";
import { decodeFrame } from "@behaviour/contract";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bearer, fetchEdge, goodEvent } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { Watching } from "../live/watching.ts";
import { bytesOf, setFaults, streamState } from "../servers/kinesis/stream.ts";
import { runAlarm, shardOf, untilFlushed } from "../shard/stub.ts";
import { type Canary, canaryOf, type Draft, type Kind, PLACES, type Place } from "./places.ts";

/** The kinds that each outcome must remove. Ids are the customer's own; the backend replaces them with surrogates. */
const ALWAYS: readonly Kind[] = ["email", "token", "card", "address"];
const OUTCOMES = {
  accept: { headers: {}, settings: {}, forbidden: ALWAYS },
  restricted: { headers: { "Sec-GPC": "1" }, settings: {}, forbidden: [...ALWAYS, "click"] },
  cookieless: {
    headers: { DNT: "1" },
    settings: { whenAnalyticsDenied: "cookieless" },
    forbidden: [...ALWAYS, "click", "device", "id"],
  },
  drop: { headers: { DNT: "1" }, settings: {}, forbidden: [...ALWAYS, "click", "device", "id"] },
} as const satisfies Record<string, { headers: Record<string, string>; settings: object; forbidden: readonly Kind[] }>;
type Outcome = keyof typeof OUTCOMES;

interface Shape {
  name: string;
  hasBatch: boolean;
  isSecret?: boolean;
  send(draft: Draft, key: string): Promise<Response>;
}

const batchOf = ({ event, beside }: Draft) => ({ ...beside, batch: [event] });
const post = (path: string, body: BodyInit | object, key: string, headers: Record<string, string>) =>
  fetchEdge(path, { body, headers: { ...headers, ...bearer(key) } });

const SHAPES: Shape[] = [
  { name: "batch", hasBatch: true, send: (draft, key) => post("/v1/batch", batchOf(draft), key, draft.headers) },
  { name: "single", hasBatch: false, send: (draft, key) => post("/v1/track", draft.event, key, draft.headers) },
  {
    name: "import with a secret key",
    hasBatch: true,
    isSecret: true,
    send: (draft, key) => post("/v1/import", batchOf(draft), key, draft.headers),
  },
  {
    name: "gzip",
    hasBatch: true,
    send: (draft, key) => {
      const headers = { ...draft.headers, "Content-Encoding": "gzip" };
      return post("/v1/batch", gzipSync(JSON.stringify(batchOf(draft))), key, headers);
    },
  },
  {
    name: "beacon",
    hasBatch: true,
    send: (draft, key) => {
      const body = JSON.stringify({ ...batchOf(draft), writeKey: key });
      return fetchEdge("/v1/beacon", { body, headers: { ...draft.headers, "Content-Type": "text/plain" } });
    },
  },
  {
    name: "pixel",
    hasBatch: false,
    send: (draft, key) => {
      const data = btoa(JSON.stringify({ ...draft.event, writeKey: key }))
        .replaceAll("+", "-")
        .replaceAll("/", "_");
      return fetchEdge(`/v1/pixel.gif?data=${data}`, { headers: draft.headers });
    },
  },
];

const REFUSED = { kind: "status", status: 400, type: "ProvisionedThroughputExceededException" } as const;
const LOGS = ["log", "info", "warn", "error", "debug"] as const;

let logged: string[] = [];
const opened: Watching[] = [];

beforeEach(() => {
  logged = [];
  for (const level of LOGS) {
    vi.spyOn(console, level).mockImplementation((...parts: unknown[]) => void logged.push(parts.map(String).join(" ")));
  }
});

afterEach(() => {
  vi.restoreAllMocks();
  for (const watching of opened.splice(0)) watching.close();
});

let numbers = 0;

/** A draft that has a canary of each kind in each of the places. */
function draftWith(places: readonly Place[], outcome: Outcome): { draft: Draft; canaries: Canary[] } {
  const draft: Draft = {
    event: { ...goodEvent(), properties: {} },
    beside: {},
    headers: { ...OUTCOMES[outcome].headers },
  };
  const canaries: Canary[] = [];
  for (const place of places) {
    for (const kind of place.kinds) {
      const { value, needle } = canaryOf(kind, ++numbers);
      place.put(draft, kind, value);
      canaries.push({ kind, place: place.name, needle });
    }
  }
  return { draft, canaries };
}

/** Everything in the storage of the shard's object: each column of each table, with frames unpacked. */
function dumpShard(project: string): Promise<string> {
  return runInDurableObject(shardOf(project), (_shard, { storage: { sql } }) => {
    const tables = sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
    const rows = tables
      .filter(({ name }) => !name.startsWith("_cf_"))
      .flatMap(({ name }) => sql.exec<Record<string, SqlStorageValue>>(`SELECT * FROM "${name}"`).toArray());
    return rows.flatMap((row) => Object.values(row).map(textOf)).join("\n");
  });
}

function textOf(value: SqlStorageValue): string {
  if (!(value instanceof ArrayBuffer)) return String(value);
  const bytes = new Uint8Array(value);
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? frameText(bytes) : latin1.decode(bytes);
}

function frameText(frame: Uint8Array): string {
  return [...decodeFrame(frame)].map(({ text }) => text).join("\n");
}

async function dumpStream(project: string): Promise<string> {
  return (await streamState(project)).arrived.map((record) => frameText(bytesOf(record))).join("\n");
}

interface Seen {
  rows: string;
  stream: string;
  live: string;
  log: string;
  answers: string;
}

function expectNone(canaries: readonly Canary[], outcome: Outcome, seen: Seen): void {
  const forbidden: readonly Kind[] = OUTCOMES[outcome].forbidden;
  const leaks: string[] = [];
  for (const { kind, place, needle } of canaries) {
    for (const [where, text] of Object.entries(seen)) {
      // An answer and a log must have no canary. Rows, the stream and the live tail may have the kinds that are not forbidden.
      const isKept = !forbidden.includes(kind) && (where === "rows" || where === "stream" || where === "live");
      const dashed = needle.replaceAll(" ", "-");
      if (!isKept && (text.includes(needle) || text.includes(dashed))) leaks.push(`${kind} of ${place}: in ${where}`);
    }
  }
  expect(leaks).toEqual([]);
}

/**
 * Expects allowed canaries to be stored. This proves that the places are correct and that the search looks at the stored data.
 */
function expectKept(canaries: readonly Canary[], { rows, stream }: Seen): void {
  const forbidden: readonly Kind[] = OUTCOMES.accept.forbidden;
  const inEvent = new Set(PLACES.filter(({ isBeside }) => isBeside !== true).map(({ name }) => name));
  const kept = canaries.filter(({ kind, place }) => !forbidden.includes(kind) && inEvent.has(place));
  expect(kept.length).toBeGreaterThan(30);
  for (const { needle, kind, place } of kept) {
    expect(rows.includes(needle) && stream.includes(needle), `${kind} of ${place} is stored`).toBe(true);
  }
}

async function projectFor(outcome: Outcome, isSecret: boolean) {
  const project = newProject("canary");
  const settings = { consentRegime: "opt-out", ...OUTCOMES[outcome].settings } as const;
  const key = await newKey({ project, settings, kind: isSecret ? "secret" : "public" });
  // No row leaves the shard before the test has read its storage.
  await setFaults(project, [{ ...REFUSED, times: 1_000_000 }]);
  const watching = await Watching.open(bearer(await newKey({ project, kind: "secret" })));
  opened.push(watching);
  return { project, key, watching };
}

/** The live tail drops messages if more publishes are in progress. */
const SENT_AT_ONCE = 12;
const latin1 = new TextDecoder("latin1");

async function answerText(sent: Promise<Response>): Promise<string> {
  const answer = await sent;
  expect(answer.status).toBe(200);
  return `${JSON.stringify([...answer.headers])} ${latin1.decode(await answer.arrayBuffer())}`;
}

/** Sends the drafts, and collects everything that was stored, shown, logged and answered. */
async function sendAll(drafts: readonly Draft[], shape: Shape, outcome: Outcome): Promise<Seen> {
  const { project, key, watching } = await projectFor(outcome, shape.isSecret ?? false);
  const texts: string[] = [];
  for (let start = 0; start < drafts.length; start += SENT_AT_ONCE) {
    const part = drafts.slice(start, start + SENT_AT_ONCE);
    texts.push(...(await Promise.all(part.map((draft) => answerText(shape.send(draft, key))))));
    await watching.toHave(texts.length);
  }
  const rows = await dumpShard(project);
  await setFaults(project, []);
  await runAlarm(project);
  await untilFlushed(project);
  const stream = await dumpStream(project);
  for (const { event } of drafts) {
    expect(stream.includes(String(event.messageId)), "stored unless consent drops it").toBe(outcome !== "drop");
    expect(rows.includes(String(event.messageId))).toBe(outcome !== "drop");
  }
  const live = JSON.stringify(watching.messages);
  return { rows, stream, live, log: logged.join("\n"), answers: texts.join("\n") };
}

describe.each(Object.keys(OUTCOMES) as Outcome[])("with outcome %s no canary leaves the edge", (outcome) => {
  it.each(SHAPES)("all places at once: $name", async (shape) => {
    const places = PLACES.filter(({ isBeside }) => shape.hasBatch || isBeside !== true);
    const { draft, canaries } = draftWith(places, outcome);
    const seen = await sendAll([draft], shape, outcome);
    expectNone(canaries, outcome, seen);
    if (outcome === "accept") expectKept(canaries, seen);
  });

  it("each place and kind by itself, when nothing else is to be found", async () => {
    const made = PLACES.flatMap((place) =>
      place.kinds.map((kind) => draftWith([{ ...place, kinds: [kind] }], outcome)),
    );
    const shape = SHAPES[0] as Shape;
    const seen = await sendAll(
      made.map(({ draft }) => draft),
      shape,
      outcome,
    );
    expectNone(
      made.flatMap(({ canaries }) => canaries),
      outcome,
      seen,
    );
  });
});

describe("of what is refused no canary gets further", () => {
  const canary = (kind: Kind) => canaryOf(kind, ++numbers);

  it("events: neither a pointer nor an id that is shown is the datum", async () => {
    const { project, watching } = await projectFor("accept", false);
    const settings = { consentRegime: "opt-out", pii: { card: "reject" } } as const;
    const key = await newKey({ project, settings });
    const [mail, token, card, id] = [canary("email"), canary("token"), canary("card"), canary("email")];
    const known = goodEvent();
    const batch = [
      goodEvent({ properties: { [card.value]: { a: mail.value } } }),
      goodEvent({ properties: { [mail.value]: { [token.value]: card.value } } }),
      { ...goodEvent({ properties: { a: mail.value } }), anonymousId: null, messageId: id.value },
      { ...goodEvent({ [mail.value]: token.value }), type: mail.value },
      // This event is repaired, with a warning for each place.
      goodEvent({ messageId: known.messageId, properties: { [mail.value]: { "": 1, "a\u0001": token.value } } }),
    ];
    const answer = await fetchEdge("/v1/batch", { body: { batch }, headers: bearer(key) });
    const text = await answer.text();
    expect(JSON.parse(text)).toMatchObject({
      accepted: 1,
      rejected: [
        { index: 0, code: "personal_data", pointer: "/properties/[card]" },
        { index: 1, code: "personal_data", pointer: "/properties/[email]/[token]" },
        { index: 2, code: "missing_identity", messageId: id.value },
        { index: 3, code: "invalid_type" },
      ],
    });
    await watching.toHave(batch.length);
    const [live, rows, log] = [JSON.stringify(watching.messages), await dumpShard(project), logged.join("\n")];
    for (const { needle } of [mail, token, card]) {
      for (const seen of [text, live, rows, log]) expect(seen).not.toContain(needle);
    }
    // The sender knows the id. It must not appear anywhere else.
    for (const seen of [live, rows, log]) expect(seen).not.toContain(id.needle);
  });

  it.each([
    ["a body that is no JSON", "/v1/batch", (value: string) => `{"a":"${value}"`, 400],
    ["a batch of the wrong shape", "/v1/batch", (value: string) => JSON.stringify({ batch: value }), 400],
    ["a batch that is too large", "/v1/batch", (value: string) => `{"batch":[${`"${value}",`.repeat(3_000)}1]}`, 413],
    ["a consent that says nothing", "/v1/consent", (value: string) => `{"purposes":{"${value}":"granted"}}`, 400],
  ])("requests: %s", async (_case, path, bodyOf, status) => {
    const { project, key, watching } = await projectFor("accept", false);
    const [mail, token] = [canary("email"), canary("token")];
    for (const { value } of [mail, token]) {
      const headers = { ...bearer(key), Referer: `https://a.example/?x=${value}`, "User-Agent": value, Cookie: value };
      const answer = await fetchEdge(`${path}?q=${encodeURIComponent(value)}`, { body: bodyOf(value), headers });
      expect(answer.status).toBe(status);
      const text = await answer.text();
      for (const { needle } of [mail, token]) expect(text).not.toContain(needle);
    }
    await watching.toHave(1);
    const seen = JSON.stringify(watching.messages) + (await dumpShard(project)) + logged.join("\n");
    for (const { needle } of [mail, token]) expect(seen).not.toContain(needle);
  });

  it("requests that meet a fault: the log says what failed, not what was sent", async () => {
    const { key } = await projectFor("accept", false);
    const mail = canary("email");
    // This function is the first to read a header.
    vi.spyOn(String.prototype, "toWellFormed").mockImplementationOnce(() => {
      throw new TypeError(`can't read "${mail.value}" of https://a.example/${mail.needle}?q=${mail.needle}`);
    });
    const headers = { ...bearer(key), Referer: `https://a.example/?x=${mail.value}` };
    const answer = await fetchEdge("/v1/track", { body: goodEvent({ properties: { a: mail.value } }), headers });
    expect(answer.status).toBe(503);
    expect(await answer.text()).not.toContain(mail.needle);
    expect(logged.join("\n")).toContain("TypeError: can't read");
    expect(logged.join("\n")).not.toContain(mail.needle);
  });
});
