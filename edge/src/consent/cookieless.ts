// Makes an event cookieless: without consent to analytics it is counted, but nothing in it or about it leads to the device. Its
// visitor is a hash with a random salt that is destroyed after one day, so nobody, including us, can join the days.
// docs/API_DOCUMENTATION.md#consent.

import { createHash } from "node:crypto";
import { isObject, type JsonObject } from "@behaviour/contract";
import type { Env } from "../env.ts";
import { bareUrl, withBareUrls } from "./bare-url.ts";
import { leadsToDevice } from "./device-keys.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
/** 128 bits are more than enough for the visitors of one day. */
const VISITOR_BYTES = 16;

export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

/** This isolate's copy of the salt, replaced with the next day's. */
let held: { day: number; salt: Uint8Array } | null = null;

/** The salt of the day of `nowMs`, the same for all of Cloudflare. @throws if the object that keeps it does not answer. */
export async function dailySalt(env: Env, nowMs: number): Promise<Uint8Array> {
  const day = dayOf(nowMs);
  if (held?.day !== day) held = { day, salt: await env.SALT.get(env.SALT.idFromName("salt")).salt(day) };
  return held.salt;
}

/** The data that distinguishes visitors within a day. It is never stored, only hashed. */
export interface Visitor {
  project: string;
  /** The full address as Cloudflare reports it. It is only hashed. */
  address: string;
  userAgent: string;
}

/** Fields that an event keeps, if the value is a string or a number. Every other field is removed, known or not. */
const KEPT_FIELDS = ["type", "event", "name", "messageId", "timestamp", "originalTimestamp", "sentAt"] as const;
const KEPT_CONTEXT: Readonly<Record<string, readonly string[]>> = {
  page: ["url", "referrer", "path", "title"],
  campaign: ["source", "medium", "name", "term", "content"],
  library: ["name", "version"],
};
const KEPT_CONTEXT_TEXTS = ["locale", "timezone"] as const;
const IDS = ["userId", "anonymousId", "groupId", "previousId"] as const;

export function makeCookieless(event: JsonObject, visitor: Visitor, salt: Uint8Array): JsonObject {
  const hash = createHash("sha256").update(salt);
  for (const part of [visitor.project, visitor.address, visitor.userAgent]) hash.update(part).update("\0");
  const anonymousId = `cookieless-${hash.digest().subarray(0, VISITOR_BYTES).toString("hex")}`;
  const kept = pick(event, KEPT_FIELDS);
  const ownIds = new Set(
    IDS.map((name) => event[name])
      .filter(isScalar)
      .map(String),
  );
  const properties = isObject(event.properties) ? withoutIds(event.properties, ownIds) : undefined;
  const context = keptContext(isObject(event.context) ? event.context : {});
  return { ...kept, ...asCountable(kept), anonymousId, ...(properties === undefined ? {} : { properties }), context };
}

function isScalar(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}

function pick(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.filter((name) => isScalar(object[name])).map((name) => [name, object[name]]));
}

function keptContext(context: JsonObject): JsonObject {
  const kept = pick(context, KEPT_CONTEXT_TEXTS);
  for (const [name, members] of Object.entries(KEPT_CONTEXT)) {
    const value = context[name];
    if (isObject(value)) kept[name] = withBareTexts(pick(value, members));
  }
  return kept;
}

const URLS: ReadonlySet<string> = new Set(["url", "referrer", "path"]);

function withBareTexts(object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name, typeof value === "string" ? bareText(name, value) : value]),
  );
}

function bareText(name: string, text: string): string {
  return URLS.has(name) ? bareUrl(text) : withBareUrls(text);
}

const LEFT_OUT = Symbol("left out");

/** Keeps what happened and removes whom it happened to: keys that lead to a device, the event's own ids, queries of URLs. */
function withoutIds(object: JsonObject, ownIds: ReadonlySet<string>): JsonObject {
  const kept: JsonObject = {};
  for (const [key, value] of Object.entries(object)) {
    if (leadsToDevice(key) || ownIds.has(key)) continue;
    const next = withoutIdsIn(value, ownIds);
    if (next !== LEFT_OUT) kept[key] = next;
  }
  return kept;
}

function withoutIdsIn(value: unknown, ownIds: ReadonlySet<string>): unknown {
  if (isScalar(value) && ownIds.has(String(value))) return LEFT_OUT;
  if (typeof value === "string") return withBareUrls(value);
  if (Array.isArray(value)) return value.map((item) => withoutIdsIn(item, ownIds)).filter((item) => item !== LEFT_OUT);
  return isObject(value) ? withoutIds(value, ownIds) : value;
}

const KEPT_POINTER = new RegExp(
  `^/(?:event|name|properties|context/(?:${Object.keys(KEPT_CONTEXT).join("|")}))(?:/|$)`,
);

/** Findings whose field is still in the event, and the finding without a pointer that says there were more. */
export function keptFindings<F extends { pointer: string }>(findings: readonly F[]): F[] {
  return findings.filter(({ pointer }) => pointer === "" || KEPT_POINTER.test(pointer));
}

/** Identify, group and alias exist for their ids. Without the ids these events count like any other visit. */
function asCountable(event: JsonObject): JsonObject {
  if (event.type === "identify" || event.type === "group" || event.type === "alias") {
    return { type: "track", event: event.type };
  }
  return {};
}
