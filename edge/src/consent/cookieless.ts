// Cookieless mode: an event without consent to analytics is counted, and nothing on it or about it leads to the device. Its
// visitor is a hash under a random salt that lives one day and is then destroyed, so the days can't be joined, by us either.
// API.md §4.

import { createHash } from "node:crypto";
import { isObject } from "@behaviour/contract";
import type { Env } from "../env.ts";

type JsonObject = Record<string, unknown>;

const DAY_MS = 24 * 60 * 60 * 1_000;
/** 128 bits are plenty for a day's visitors. */
const VISITOR_BYTES = 16;

export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

/** This isolate's copy; forgotten with the day. */
let held: { day: number; salt: Uint8Array } | null = null;

/** The salt of the day of `nowMs`, the same for all of Cloudflare. @throws when the object that keeps it does not answer. */
export async function dailySalt(env: Env, nowMs: number): Promise<Uint8Array> {
  const day = dayOf(nowMs);
  if (held?.day !== day) held = { day, salt: await env.SALT.get(env.SALT.idFromName("salt")).salt(day) };
  return held.salt;
}

/** What tells one visitor from another within a day: never stored, only hashed. */
export interface Visitor {
  project: string;
  /** As Cloudflare reports it, whole: hashed only. */
  address: string;
  userAgent: string;
}

/** The only context an event keeps: what says nothing of the device. */
const KEPT_CONTEXT = ["page", "campaign", "library", "locale", "timezone"] as const;
const IDS = ["userId", "anonymousId", "groupId", "previousId", "traits", "context"] as const;

export function makeCookieless(event: JsonObject, visitor: Visitor, salt: Uint8Array): JsonObject {
  const hash = createHash("sha256").update(salt);
  for (const part of [visitor.project, visitor.address, visitor.userAgent]) hash.update(part).update("\0");
  const anonymousId = `cookieless-${hash.digest().subarray(0, VISITOR_BYTES).toString("hex")}`;
  const rest = Object.fromEntries(Object.entries(event).filter(([name]) => !(IDS as readonly string[]).includes(name)));
  const context = isObject(event.context) ? event.context : {};
  const kept = Object.fromEntries(
    KEPT_CONTEXT.filter((name) => context[name] !== undefined).map((name) => [name, context[name]]),
  );
  return { ...rest, ...asCountable(rest), anonymousId, context: kept };
}

/** Identify, group and alias exist for their ids; without them they are a visit like any other. */
function asCountable(event: JsonObject): JsonObject {
  if (event.type === "identify" || event.type === "group" || event.type === "alias") {
    return { type: "track", event: event.type };
  }
  return {};
}
