// Creates enriched events for the tiers' tests, as the processor writes them.

import { randomBytes } from "node:crypto";
import { ENRICHED_VERSION, type EnrichedEvent, position } from "@behaviour/contract";

let lastName = 0;

/** Each test has its own projects and raw shards, so that tests share the stores but not their contents. */
export function freshName(prefix: string): string {
  lastName++;
  return `${prefix}_${process.pid}x${lastName}x${randomBytes(4).toString("hex")}`;
}

export function enrichedEvent(
  fields: Partial<EnrichedEvent> & Pick<EnrichedEvent, "project" | "rawShard">,
): EnrichedEvent {
  const receivedAtMs = fields.receivedAtMs ?? Date.now();
  // A visitor who is not signed in.
  const subject = randomBytes(16).toString("hex");
  return {
    v: ENRICHED_VERSION,
    messageId: freshName("m"),
    type: "track",
    event: "Order Completed",
    timeMs: receivedAtMs - 120,
    receivedAtMs,
    sentAtMs: receivedAtMs - 50,
    originalTimeMs: receivedAtMs - 120,
    processedAtMs: receivedAtMs + 80,
    subject,
    anonymousSubject: subject,
    groupSubject: null,
    previousSubject: null,
    sessionId: "1764032400000",
    consent: "accept",
    url: "https://shop.example/cart?step=2",
    path: "/cart",
    title: 'Cart "two" \\ {items}, NULL',
    referrer: null,
    referrerMedium: null,
    referrerSource: null,
    country: "DE",
    region: null,
    city: "Köln",
    device: "mobile",
    os: "iOS",
    osVersion: "19.1",
    browser: "Mobile Safari",
    browserVersion: "19",
    isBot: false,
    utmSource: "newsletter",
    utmMedium: null,
    utmCampaign: null,
    utmTerm: null,
    utmContent: null,
    library: "analytics.js",
    keyId: "k_test",
    properties: { total: 12.5, items: [{ sku: 'a"b\\c', quantity: 2 }], note: "line\nbreak 🛒" },
    traits: {},
    context: { page: { path: "/cart" } },
    suspect: false,
    position: position("1", 0),
    ...fields,
  };
}

export interface Run {
  project: string;
  rawShard: string;
  count: number;
  /** Position of the first event in the raw stream. */
  first?: number;
  fields?: Partial<EnrichedEvent>;
}

/** Consecutive events of one raw shard, ten per record. */
export function runOf({ project, rawShard, count, first = 1, fields = {} }: Run): EnrichedEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const place = first + index;
    return enrichedEvent({
      project,
      rawShard,
      messageId: `${project}-${rawShard}-${place}`,
      position: position(String(4_964_000_000 + Math.floor(place / 10)), place % 10),
      ...fields,
    });
  });
}

/** The same message from another region's shard: with other times, another position, and marked as a retry. */
export function copyOf(event: EnrichedEvent, rawShard: string, place: number): EnrichedEvent {
  return {
    ...event,
    rawShard,
    position: position(String(7_000_000_000), place),
    timeMs: event.timeMs + 317,
    receivedAtMs: event.receivedAtMs + 2_500,
    suspect: true,
  };
}
