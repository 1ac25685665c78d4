// Computes the hot tier's profile of a signed-in person: the last events, the times of the first and last event, the latest
// traits. Pure: events in, item out. Only identified people have profiles, because a write for every anonymous visitor would
// cost more than all counters.
//
// An item has a position for each raw shard, up to which its events are included, so that a redelivery changes nothing. Redriven
// events are before that position and are not added.

import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { EnrichedEvent } from "@behaviour/contract";
import { eventLabel } from "../label.ts";
import { KEPT_MS } from "./minute.ts";

export const RECENT_EVENTS = 50;
/** Raw shards whose position is kept. A person's events arrive through one or two shards at a time. */
const SHARDS_MAX = 20;

export interface RecentEvent {
  messageId: string;
  event: string;
  timeMs: number;
}

export interface Profile {
  /** Newest first, at most 50. */
  recent: RecentEvent[];
  /** Since the beginning of the profile, which ends 48 hours after the last event. */
  eventCount: number;
  firstSeenMs: number;
  lastSeenMs: number;
  /** Traits of the newest event with traits, with personal data masked as in every store. */
  traits: Record<string, unknown>;
  traitsAtMs: number;
}

export interface StoredProfile extends Profile {
  /** By raw shard: the position of the last included event. */
  positions: ReadonlyMap<string, string>;
  revision: number;
}

/** Whether the person is known by more than a device. */
export function isIdentified({ subject, anonymousSubject }: EnrichedEvent): boolean {
  return subject !== anonymousSubject;
}

export function profileKey(project: string, subject: string): Record<"pk" | "sk", AttributeValue> {
  return { pk: { S: `${project}#profile#${subject}` }, sk: { S: "profile" } };
}

/**
 * @param events of one person and raw shard, in order
 * @returns the profile with the events that were missing; null if it has all of them
 */
export function addToProfile(before: StoredProfile | null, events: readonly EnrichedEvent[]): StoredProfile | null {
  const rawShard = events[0]?.rawShard ?? "";
  const reached = before?.positions.get(rawShard) ?? "";
  const fresh = events.filter(({ position }) => position > reached);
  const last = fresh.at(-1);
  if (last === undefined) return null;
  const times = fresh.map(({ timeMs }) => timeMs);
  const added = fresh.map((event) => ({ messageId: event.messageId, event: eventLabel(event), timeMs: event.timeMs }));
  const recent = [...added, ...(before?.recent ?? [])].sort((a, b) => b.timeMs - a.timeMs).slice(0, RECENT_EVENTS);
  let traits = before?.traits ?? {};
  let traitsAtMs = before?.traitsAtMs ?? 0;
  for (const event of fresh) {
    if (event.timeMs < traitsAtMs || Object.keys(event.traits).length === 0) continue;
    traits = event.traits;
    traitsAtMs = event.timeMs;
  }
  const positions = new Map(before?.positions);
  positions.delete(rawShard);
  positions.set(rawShard, last.position);
  return {
    recent,
    eventCount: (before?.eventCount ?? 0) + fresh.length,
    firstSeenMs: Math.min(before?.firstSeenMs ?? Infinity, ...times),
    lastSeenMs: Math.max(before?.lastSeenMs ?? 0, ...times),
    traits,
    traitsAtMs,
    // The oldest positions are dropped: a shard without events while so many others had events is closed.
    positions: new Map([...positions].slice(-SHARDS_MAX)),
    revision: (before?.revision ?? 0) + 1,
  };
}

/** @param nowMs the item is kept for 48 hours from this time */
export function profileToItem(
  project: string,
  subject: string,
  profile: StoredProfile,
  nowMs: number,
): Record<string, AttributeValue> {
  return {
    ...profileKey(project, subject),
    recent: {
      L: profile.recent.map(({ messageId, event, timeMs }) => ({
        M: { id: { S: messageId }, event: { S: event }, timeMs: { N: String(timeMs) } },
      })),
    },
    // The name is not `events`, because the minutes' items are summed by that attribute.
    eventCount: { N: String(profile.eventCount) },
    firstSeenMs: { N: String(profile.firstSeenMs) },
    lastSeenMs: { N: String(profile.lastSeenMs) },
    traits: { S: JSON.stringify(profile.traits) },
    traitsAtMs: { N: String(profile.traitsAtMs) },
    positions: { M: Object.fromEntries([...profile.positions].map(([shard, position]) => [shard, { S: position }])) },
    revision: { N: String(profile.revision) },
    expiresAt: { N: String(Math.floor((nowMs + KEPT_MS) / 1_000)) },
  };
}

/** @returns null for an expired item, which DynamoDB may remove two days later. @throws if this code did not write the item. */
export function profileFromItem(item: Record<string, AttributeValue>, nowMs: number): StoredProfile | null {
  const { recent, eventCount, firstSeenMs, lastSeenMs, traits, traitsAtMs, positions, revision, expiresAt } = item;
  if (!recent?.L || !eventCount?.N || !traits?.S || !positions?.M || !revision?.N) {
    throw new Error("a profile's item lacks an attribute");
  }
  if (Number(expiresAt?.N ?? 0) * 1_000 <= nowMs) return null;
  return {
    recent: recent.L.map(({ M = {} }) => ({
      messageId: M["id"]?.S ?? "",
      event: M["event"]?.S ?? "",
      timeMs: Number(M["timeMs"]?.N ?? 0),
    })),
    eventCount: Number(eventCount.N),
    firstSeenMs: Number(firstSeenMs?.N ?? 0),
    lastSeenMs: Number(lastSeenMs?.N ?? 0),
    traits: JSON.parse(traits.S) as Record<string, unknown>,
    traitsAtMs: Number(traitsAtMs?.N ?? 0),
    positions: new Map(Object.entries(positions.M).map(([shard, position]) => [shard, position.S ?? ""])),
    revision: Number(revision.N),
  };
}
