// The bodies that cost the most: legal bodies at the limits of docs/API_DOCUMENTATION.md, and refused bodies. Each body is built
// again for each request, with its own ids. A second copy would consist of duplicates only and would be cheap.

import { randomBytes } from "node:crypto";
import { LIMITS } from "@behaviour/contract";

export interface CostlyBody {
  name: string;
  /** Number of events in a legal body. All of them are accepted. A refused body has none. */
  events: number;
  isLegal: boolean;
  text: () => string;
  /** Sent to every route that takes a body. */
  isForAllRoutes?: boolean;
  /** Also sent compressed, because its gzip fits. */
  isGzip?: boolean;
}

const { bodyBytes, eventBytes, eventsPerRequest, keysPerObject, stringLength } = LIMITS;
/** Bytes reserved for the text around a body's parts. */
const ROOM = 1_000;

let made = 0;
const id = () => `${(made++).toString(36)}-${randomBytes(9).toString("base64url")}`;
const repeated = <T>(count: number, item: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => item(index));
const filled = (part: string, length: number) => part.repeat(Math.floor(length / part.length));
const batch = (events: readonly string[], beside = "") => `{"batch":[${events.join(",")}]${beside}}`;

/** An event with these members of its own. */
function event(members: string): string {
  return `{"type":"track","event":"e","anonymousId":"${id()}","messageId":"${id()}",${members}}`;
}

/** This number of events. The properties of each have as many bytes as the body leaves room for. */
function share(count: number, properties: (bytes: number) => string): string {
  const bytes = Math.min(eventBytes, Math.floor((bodyBytes - ROOM) / count)) - 140;
  return batch(repeated(count, () => event(`"properties":${properties(bytes)}`)));
}

let keys = 0;
/** No key appears twice in any body. */
const distinctKeys = (count: number, value = "1") =>
  `{${repeated(count, () => `"${(keys++).toString(36)}k":${value}`).join(",")}}`;
const array = (item: string, bytes: number) =>
  `{"a":[${filled(`${item},`, Math.min(bytes, Math.floor((LIMITS.nodesPerEvent - 20) / valuesIn(item)) * (item.length + 1)) - item.length - 8)}${item}]}`;
const valuesIn = (item: string) => 1 + item.split(":").length - 1;
/** As many events as a body can hold, each with nearly the maximum number of values. */
const perBody = (item: string) =>
  Math.min(
    eventsPerRequest,
    Math.floor((bodyBytes - ROOM) / Math.min(eventBytes, Math.floor(1_985 / valuesIn(item)) * (item.length + 1) + 140)),
  );
/** As many strings of the maximum length as fit. */
const texts = (unit: string, bytes: number, units: number = stringLength) => {
  const length = Math.min(bytes - 10, units);
  const count = Math.max(1, Math.floor(bytes / (length + 8)));
  return `{${repeated(count, (index) => `"p${index}":"${filled(unit, length)}"`).join(",")}}`;
};
const LARGEST = Math.floor(bodyBytes / eventBytes);
const nested = (depth: number, inner: string) => `${'{"a":'.repeat(depth)}${inner}${"}".repeat(depth)}`;

const legal = (name: string, events: number, text: () => string): CostlyBody => ({ name, events, isLegal: true, text });
const valued = (name: string, item: string): CostlyBody =>
  legal(name, perBody(item), () => share(perBody(item), (bytes) => array(item, bytes)));
const refused = (name: string, text: () => string): CostlyBody => ({ name, events: 0, isLegal: false, text });

const consentOf = (signals: string) => `"context":{"consent":{${signals}}}`;

const BODIES: readonly CostlyBody[] = [
  legal("2,500 ordinary events", eventsPerRequest, () =>
    batch(repeated(eventsPerRequest, () => event('"properties":{"path":"/a","value":12.5,"items":["a","b"]}'))),
  ),
  valued("short texts of two letters", '"ab"'),
  valued("short texts of many letters", '"abcdefgh"'),
  valued("objects with one member", '{"a":1}'),
  legal("events of the largest size, text", LARGEST, () => share(LARGEST, (bytes) => texts("x", bytes))),
  legal("events of the largest size, random text", LARGEST, () =>
    share(LARGEST, (bytes) =>
      JSON.stringify({ a: noise(bytes / 4 - 9), b: noise(bytes / 4 - 9), c: noise(bytes / 4 - 9) }),
    ),
  ),
  legal("2,500 events of 110 keys, none twice", eventsPerRequest, () =>
    batch(repeated(eventsPerRequest, () => event(`"properties":${distinctKeys(110)}`))),
  ),
  // Events beyond `keysPerRequest` are rejected.
  legal("the same, and unusual", 181, () =>
    batch(repeated(eventsPerRequest, () => event(`"n":1e3,"properties":${distinctKeys(110)}`))),
  ),
  legal("events of 250 keys, none twice", 1_100, () =>
    batch(repeated(1_100, () => event(`"properties":${distinctKeys(keysPerObject - 6)}`))),
  ),
  legal("2,500 events of 50 keys, none twice, in 3 objects", eventsPerRequest, () =>
    batch(
      repeated(eventsPerRequest, () =>
        event(`"properties":${distinctKeys(30)},"traits":${distinctKeys(30)},"context":${distinctKeys(30)}`),
      ),
    ),
  ),
  valued("1,700 unsafe numbers an event", "12345678901234567"),
  legal("unsafe numbers under distinct keys", 111, () =>
    batch(repeated(800, () => event(`"properties":${distinctKeys(180, "9007199254740993")}`))),
  ),
  legal("a batch context of 50 unsafe numbers", eventsPerRequest, () =>
    batch(
      repeated(eventsPerRequest, () => event('"properties":{}')),
      `,"context":{${repeated(50, (index) => `"k${index}":9007199254740993`).join(",")}}`,
    ),
  ),
  legal("a batch context of 90 keys", eventsPerRequest, () =>
    batch(
      repeated(eventsPerRequest, () => event('"context":{"a":1},"properties":{}')),
      `,"context":{${repeated(90, (index) => `"k${index}":1`).join(",")}}`,
    ),
  ),
  valued("small numbers", "1"),
  valued("fractions of many digits", "1.2345678901234567"),
  valued("empty objects", "{}"),
  legal("empty objects and something unusual", 101, () =>
    share(perBody("{}"), (bytes) => `${array("{}", bytes - 8).slice(0, -1)},"b":1e3}`),
  ),
  valued("empty texts", '""'),
  legal("escapes", LARGEST, () => share(LARGEST, (bytes) => texts("\\u00e9", bytes))),
  legal("control characters", LARGEST, () => share(LARGEST, (bytes) => texts("\\u0001", bytes))),
  legal("lone surrogates", LARGEST, () => share(LARGEST, (bytes) => texts("\\ud800", bytes))),
  valued("short texts that need repair", '"\\u0001"'),
  // Events beyond `openingsParsed` are rejected.
  { ...valued("keys that need repair", '{"\\u0001":1}'), events: 201 },
  legal("quotes", LARGEST, () => share(LARGEST, (bytes) => texts('\\"', bytes))),
  legal("letters of three bytes", LARGEST, () => share(LARGEST, (bytes) => texts("€", bytes / 3))),
  legal("texts that are too long", LARGEST, () => share(LARGEST, (bytes) => texts("x", bytes, 12_000))),
  legal("objects nested as deep as may be", 1_000, () =>
    share(1_000, (bytes) => `{"a":[${objects(nested(12, "1"), bytes)}]}`),
  ),
  legal("e-mail addresses", eventsPerRequest, () =>
    share(eventsPerRequest, (bytes) => array('"a.b@c.example"', bytes)),
  ),
  legal("e-mail addresses in one text", LARGEST, () => share(LARGEST, (bytes) => texts("a@b.cd ", bytes))),
  legal("nearly e-mail addresses", LARGEST, () => share(LARGEST, (bytes) => texts("a.@-", bytes))),
  valued("cards", '"4111 1111 1111 1111"'),
  legal("digits like cards", LARGEST, () => share(LARGEST, (bytes) => texts("4-1 1", bytes))),
  legal("addresses of pages with secrets", LARGEST, () =>
    share(LARGEST, (bytes) => texts("&token=abcdefgh%40b.cd", bytes)),
  ),
  legal("percent escapes", LARGEST, () => share(LARGEST, (bytes) => texts("%2541", bytes))),
  legal("keys with e-mail addresses", LARGEST, () =>
    share(
      LARGEST,
      (bytes) => `{${repeated(Math.min(250, Math.floor(bytes / 24)), (i) => `"u${i}x@example.com":1`).join(",")}}`,
    ),
  ),
  valued("addresses of the network", '"192.168.100.200"'),
  legal("consent strings of 4 KiB", 900, () =>
    batch(
      repeated(900, () =>
        event(
          `"properties":{},${consentOf(`"gpp":"DBABMA~${noise(1_000)}","tcf":"CP${noise(1_000)}","usp":"1YNN","categoryPreferences":{"a":true}`)}`,
        ),
      ),
    ),
  ),
  legal("2,500 preferences", eventsPerRequest, () =>
    batch(
      repeated(eventsPerRequest, () =>
        event(`"properties":{},${consentOf('"categoryPreferences":{"analytics":false,"advertising":false}')}`).replace(
          '"event":"e"',
          '"event":"Segment Consent Preference Updated"',
        ),
      ),
    ),
  ),
  legal("2,500 copies of one event", eventsPerRequest, () => {
    const one = event('"properties":{}');
    return batch(repeated(eventsPerRequest, () => one));
  }),
  legal("unusual events among ordinary ones", eventsPerRequest, () =>
    batch(repeated(eventsPerRequest, (index) => event(`"properties":{"a":${index % 3 === 0 ? '"a@b.example"' : 1}}`))),
  ),
  legal("white space", 1, () => `${batch([event('"properties":{}')])}${filled(" ", bodyBytes - ROOM)}`),
  legal("unknown members beside the events", 1, () =>
    batch([event('"properties":{}')], `,"other":"${filled("x", bodyBytes - ROOM)}"`),
  ),
  legal("groups", eventsPerRequest, () =>
    batch(repeated(eventsPerRequest, () => event(`"groupId":"${id()}","previousId":"${id()}","userId":"${id()}"`))),
  ),
  refused("brackets", () => filled("[", bodyBytes)),
  refused("braces", () => filled('{"":', bodyBytes)),
  refused("brackets that close", () => `${"[".repeat(bodyBytes / 2)}${"]".repeat(bodyBytes / 2)}`),
  refused("empty objects as events", () => batch([filled("{},", bodyBytes - ROOM) + "{}"])),
  refused("290,000 keys of an event", () => batch([event(`"properties":${distinctKeys(290_000)}`)])),
  refused("290,000 keys of the body", () => distinctKeys(290_000)),
  refused("keys in 64 events", () => batch(repeated(64, () => event(`"properties":${distinctKeys(4_000)}`)))),
  refused("digits", () => batch([event(`"properties":{"a":${filled("9", bodyBytes - ROOM)}}`)])),
  refused("an exponent", () => batch([event(`"properties":{"a":1e${filled("9", bodyBytes - ROOM)}}`)])),
  refused("a fraction", () => batch([event(`"properties":{"a":0.${filled("9", bodyBytes - ROOM)}}`)])),
  refused("numbers", () => batch([event(`"properties":{"a":[${filled("1,", bodyBytes - ROOM)}1]}`)])),
  refused("one huge text", () => batch([event(`"properties":{"a":"${filled("x", bodyBytes - ROOM)}"}`)])),
  refused("one text of escapes", () => batch([event(`"properties":{"a":"${filled("\\u0000", bodyBytes - ROOM)}"}`)])),
  refused("a text that never ends", () => `{"a":"${filled("x", bodyBytes - ROOM)}`),
  refused("2,500 events without identity", () =>
    batch(
      repeated(
        eventsPerRequest,
        () => `{"type":"track","event":"e","messageId":"${filled("m", 90)}","p":${distinctKeys(100)}}`,
      ),
    ),
  ),
  refused("2,500 unknown types", () =>
    batch(repeated(eventsPerRequest, () => `{"type":"x","properties":{"a":"${filled("@", 1_500)}"}}`)),
  ),
  refused("2,501 events", () => batch(repeated(2_501, () => event(`"properties":${distinctKeys(100)}`)))),
  refused("4 MiB of x", () => filled("x", bodyBytes)),
];

const EVERYWHERE = /^(?:brackets that close|290,000 keys of an event)$/;
const PACKED =
  /^(?:2,500 events of 110 keys, none twice|events of the largest size, text|escapes|small numbers|brackets)$/;

export const COSTLY_BODIES: readonly CostlyBody[] = BODIES.map((body) => ({
  ...body,
  isForAllRoutes: EVERYWHERE.test(body.name),
  isGzip: PACKED.test(body.name),
}));

function objects(item: string, bytes: number): string {
  const count = Math.max(
    1,
    Math.min(Math.floor(bytes / (item.length + 1)) - 1, Math.floor(1_900 / (item.split(":").length + 1))),
  );
  return repeated(count, () => item).join(",");
}

/** Text that compresses badly. */
function noise(bytes: number): string {
  return randomBytes(Math.ceil(Math.max(1, bytes)))
    .toString("base64url")
    .slice(0, Math.max(1, Math.floor((bytes * 4) / 3)));
}
