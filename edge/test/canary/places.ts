// Defines canaries of each kind, and every place of a request for a canary: headers, the event's own fields, known and unknown,
// each nesting level, the batch's context, `integrations`, and members beside `batch`.

import type { JsonObject } from "@behaviour/contract";

/** A request without a form (batch, single event, beacon ...). */
export interface Draft {
  event: JsonObject;
  /** Members beside `batch`; only used by forms with a batch. */
  beside: JsonObject;
  headers: Record<string, string>;
}

const TEXT_KINDS = ["email", "token", "card"] as const;
export const KINDS = [...TEXT_KINDS, "address", "click", "device", "id"] as const;
export type Kind = (typeof KINDS)[number];

export interface Canary {
  kind: Kind;
  place: string;
  /** The text that must not be found anywhere. */
  needle: string;
}

export interface Place {
  name: string;
  /** True if only a batch has this place. */
  isBeside?: boolean;
  kinds: readonly Kind[];
  put(draft: Draft, kind: Kind, value: string): void;
}

/** A unique value for each number, and the part of the value that is searched for. */
export function canaryOf(kind: Kind, number: number): { value: string; needle: string } {
  const tag = `cnry${kind}${String(number).padStart(4, "0")}q`;
  switch (kind) {
    case "email":
      return { value: `${tag}@mail.example.com`, needle: tag };
    case "token":
      return { value: `ghp_${tag.padEnd(36, "Zb7")}`, needle: tag };
    case "card": {
      const card = cardNumber(number);
      return { value: card, needle: card };
    }
    case "address": {
      const address = `198.51.${100 + Math.floor(number / 200)}.${(number % 200) + 20}`;
      return { value: address, needle: address };
    }
    default:
      return { value: tag, needle: tag };
  }
}

/** A card number in groups of four, with a correct check digit. */
function cardNumber(number: number): string {
  const body = `411111${String(number).padStart(9, "0")}`;
  let sum = 0;
  for (let index = 0; index < body.length; index++) {
    const doubled = Number(body[index]) * (index % 2 === 0 ? 2 : 1);
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  const digits = `${body}${(10 - (sum % 10)) % 10}`;
  return digits.match(/.{4}/g)?.join(" ") ?? "";
}

/** The name of the member that has a canary of this kind. For texts, any name works. */
const MEMBER: Record<Kind, string> = {
  email: "note_email",
  token: "note_token",
  card: "note_card",
  address: "clientIp",
  click: "gclid",
  device: "deviceId",
  id: "sessionId",
};

/** Objects of a request. Every kind is put into each object. */
const OBJECTS: [string, (draft: Draft) => JsonObject][] = [
  ["the event", ({ event }) => event],
  ["properties", ({ event }) => inside(event, "properties")],
  ["properties, level 3", ({ event }) => inside(event, "properties", "a")],
  ["properties, level 9", ({ event }) => inside(event, "properties", "a", "b", "c", "d", "e", "f", "g")],
  ["traits", ({ event }) => inside(event, "traits")],
  ["traits, deeper", ({ event }) => inside(event, "traits", "company")],
  ["context", ({ event }) => inside(event, "context")],
  ["context.page", ({ event }) => inside(event, "context", "page")],
  ["context.device", ({ event }) => inside(event, "context", "device")],
  ["context.campaign", ({ event }) => inside(event, "context", "campaign")],
  ["context.library", ({ event }) => inside(event, "context", "library")],
  ["context.traits", ({ event }) => inside(event, "context", "traits")],
  ["context.consent", ({ event }) => inside(event, "context", "consent")],
  ["context, unknown", ({ event }) => inside(event, "context", "vendor", "deep")],
  ["integrations", ({ event }) => inside(event, "integrations")],
  ["integrations, deeper", ({ event }) => inside(event, "integrations", "Tool")],
  ["an unknown object", ({ event }) => inside(event, "_metadata")],
];

const BESIDE: [string, (draft: Draft) => JsonObject][] = [
  ["beside the batch", ({ beside }) => beside],
  ["beside the batch, deeper", ({ beside }) => inside(beside, "metadata")],
  ["the batch's integrations", ({ beside }) => inside(beside, "integrations")],
  ["the batch's context", ({ beside }) => inside(beside, "context")],
  ["the batch's context, deeper", ({ beside }) => inside(beside, "context", "app")],
];

const URL_KINDS = ["email", "token", "card", "click"] as const;

/** Texts of a request: URLs, names, lists, keys and ids. */
const TEXTS: [string, readonly Kind[], (draft: Draft, kind: Kind, value: string) => void][] = [
  ["event", TEXT_KINDS, ({ event }, _kind, value) => append(event, "event", value)],
  ["name", TEXT_KINDS, ({ event }, _kind, value) => append(event, "name", value)],
  ["channel", TEXT_KINDS, ({ event }, _kind, value) => append(event, "channel", value)],
  [
    "context.page.url",
    URL_KINDS,
    ({ event }, kind, value) => parameter(inside(event, "context", "page"), "url", kind, value),
  ],
  [
    "context.page.referrer",
    URL_KINDS,
    ({ event }, kind, value) => parameter(inside(event, "context", "page"), "referrer", kind, value),
  ],
  [
    "context.page.title",
    TEXT_KINDS,
    ({ event }, _kind, value) => append(inside(event, "context", "page"), "title", value),
  ],
  [
    "context.page.search",
    URL_KINDS,
    ({ event }, kind, value) => parameter(inside(event, "context", "page"), "search", kind, value),
  ],
  ["properties.url", URL_KINDS, ({ event }, kind, value) => parameter(inside(event, "properties"), "url", kind, value)],
  [
    "a list",
    TEXT_KINDS,
    ({ event }, kind, value) => push(inside(event, "properties"), `list_${kind}`, [value, { a: [value] }]),
  ],
  ["a list of addresses", ["address"], ({ event }, _kind, value) => push(inside(event, "properties"), "ips", [value])],
  ["context.ip", ["address"], ({ event }, _kind, value) => set(inside(event, "context"), "ip", value)],
  [
    "context.ip, no address",
    TEXT_KINDS,
    ({ event }, _kind, value) => append(inside(event, "context"), "userAgent", value),
  ],
  ["a key", TEXT_KINDS, ({ event }, _kind, value) => set(inside(event, "properties", "byName"), value, 1)],
  ["a key of the event", TEXT_KINDS, ({ event }, _kind, value) => set(event, value, 1)],
  ["a key of the context", TEXT_KINDS, ({ event }, _kind, value) => set(inside(event, "context"), value, { a: 1 })],
  ["userId", ["id"], ({ event }, _kind, value) => set(event, "userId", value)],
  ["groupId", ["id"], ({ event }, _kind, value) => set(event, "groupId", value)],
  ["previousId", ["id"], ({ event }, _kind, value) => set(event, "previousId", value)],
  ["anonymousId", ["id"], ({ event }, _kind, value) => set(event, "anonymousId", value)],
];

const BESIDE_TEXTS: [string, readonly Kind[], (draft: Draft, kind: Kind, value: string) => void][] = [
  ["the batch's context.ip", ["address"], ({ beside }, _kind, value) => set(inside(beside, "context"), "ip", value)],
  ["a key of the batch's context", TEXT_KINDS, ({ beside }, _kind, value) => set(inside(beside, "context"), value, 1)],
  ["a key beside the batch", TEXT_KINDS, ({ beside }, _kind, value) => set(beside, value, 1)],
  [
    "a context that every event overrides",
    [...TEXT_KINDS, "address", "click", "device"],
    ({ event, beside }, kind, value) => {
      inside(event, "context", "overridden");
      set(inside(beside, "context", "overridden"), MEMBER[kind], value);
    },
  ],
];

/** Headers that a browser sends, and some others. The stored headers come first. */
const HEADERS = [
  "User-Agent",
  "Referer",
  "Sec-CH-UA",
  "Sec-CH-UA-Mobile",
  "Sec-CH-UA-Platform",
  "Accept-Language",
  "Cookie",
  "From",
  "X-Real-IP",
  "X-Forwarded-For",
  "Forwarded",
  "Via",
  "X-Request-Id",
  "X-Retry-After",
  "X-Unknown",
];

export const PLACES: readonly Place[] = [
  ...OBJECTS.map(([name, object]) => objectPlace(name, object)),
  ...BESIDE.map(([name, object]) => ({ ...objectPlace(name, object), isBeside: true })),
  ...TEXTS.map(([name, kinds, put]) => ({ name, kinds, put })),
  ...BESIDE_TEXTS.map(([name, kinds, put]) => ({ name, kinds, put, isBeside: true })),
  ...HEADERS.map((name) => headerPlace(name)),
];

function objectPlace(name: string, object: (draft: Draft) => JsonObject): Place {
  return {
    name,
    kinds: KINDS.filter((kind) => kind !== "id"),
    put: (draft, kind, value) => set(object(draft), MEMBER[kind], value),
  };
}

/** The canary is a URL parameter in the Referer, and a word in other headers. */
function headerPlace(name: string): Place {
  const isUrl = name === "Referer";
  const isAddress = /IP|For/.test(name);
  return {
    name: `header ${name}`,
    kinds: isUrl ? URL_KINDS : isAddress ? ["address"] : TEXT_KINDS,
    put: ({ headers }, kind, value) => {
      if (isUrl) parameter(headers, name, kind, value);
      else append(headers, name, value);
    },
  };
}

function inside(object: JsonObject, ...path: readonly string[]): JsonObject {
  let at = object;
  for (const key of path) {
    at[key] ??= {};
    at = at[key] as JsonObject;
  }
  return at;
}

function set(object: JsonObject, key: string, value: unknown): void {
  object[key] = value;
}

function push(object: JsonObject, key: string, values: readonly unknown[]): void {
  object[key] = [...((object[key] as unknown[] | undefined) ?? []), ...values];
}

function append(object: JsonObject, key: string, value: string): void {
  object[key] = `${textAt(object, key) ?? "w"} ${value} w`;
}

/** Adds the value as a URL parameter: `gclid` for click ids, and a neutral name for other kinds. */
function parameter(object: JsonObject, key: string, kind: Kind, value: string): void {
  const url = textAt(object, key) ?? "https://shop.example/kept?page=2";
  const encoded = kind === "card" ? value.replaceAll(" ", "-") : value;
  object[key] = `${url}&${kind === "click" ? "gclid" : `v_${kind}`}=${encoded}`;
}

function textAt(object: JsonObject, key: string): string | undefined {
  const value = object[key];
  return typeof value === "string" ? value : undefined;
}
