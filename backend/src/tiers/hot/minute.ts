// What the hot tier counts: one item per project, minute of receipt and raw shard. Pure: events in, item out.

import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type EnrichedEvent, LIMITS } from "@behaviour/contract";
import { cutText, eventLabel } from "../label.ts";
import { Sketch } from "./sketch.ts";

export const MINUTE_MS = 60_000;
/** Items are kept so long after their minute; what was received earlier than that has no place here any more. */
export const KEPT_MS = 48 * 3_600_000;
/** An item is at most 400 KB: three maps of so many keys of at most 200 characters are a quarter of that. */
export const KEYS_MAX = 100;

/** Counts of the most frequent keys; the rest is summed up in `rest`. */
export interface Tally {
  counts: Map<string, number>;
  rest: number;
}

export interface MinuteCounters {
  /** Distinct messages: summed over all items of a project, exactly as many as it has in this tier. */
  events: number;
  labels: Tally;
  /** Page views by path. */
  pages: Tally;
  countries: Tally;
  subjects: Sketch;
  lastEventAtMs: number;
  /** Position of the last event of this raw shard that is counted here. */
  checkpoint: string;
}

export function minuteOf(receivedAtMs: number): string {
  return new Date(Math.floor(receivedAtMs / MINUTE_MS) * MINUTE_MS).toISOString();
}

export function minuteKey(project: string): string {
  return `${project}#minute`;
}

/** The counters after these events, all of which come after the checkpoint. The given ones are not changed. */
export function countEvents(before: MinuteCounters | null, events: readonly EnrichedEvent[]): MinuteCounters {
  const labels = copyTally(before?.labels);
  const pages = copyTally(before?.pages);
  const countries = copyTally(before?.countries);
  const subjects = new Sketch();
  if (before !== null) subjects.merge(before.subjects);
  let lastEventAtMs = before?.lastEventAtMs ?? 0;
  for (const event of events) {
    increment(labels, eventLabel(event));
    if (event.type === "page") increment(pages, event.path);
    increment(countries, event.country);
    subjects.add(event.subject);
    lastEventAtMs = Math.max(lastEventAtMs, event.receivedAtMs);
  }
  return {
    events: (before?.events ?? 0) + events.length,
    labels: bounded(labels),
    pages: bounded(pages),
    countries: bounded(countries),
    subjects,
    lastEventAtMs,
    checkpoint: events.at(-1)?.position ?? before?.checkpoint ?? "",
  };
}

function copyTally(tally: Tally | undefined): Tally {
  return { counts: new Map(tally?.counts), rest: tally?.rest ?? 0 };
}

function increment(tally: Tally, key: string | null): void {
  if (key === null || key === "") return;
  const cut = cutText(key, LIMITS.eventNameLength);
  tally.counts.set(cut, (tally.counts.get(cut) ?? 0) + 1);
}

function bounded(tally: Tally): Tally {
  if (tally.counts.size <= KEYS_MAX) return tally;
  const ranked = [...tally.counts].sort((a, b) => b[1] - a[1]);
  let rest = tally.rest;
  for (const [, count] of ranked.slice(KEYS_MAX)) rest += count;
  return { counts: new Map(ranked.slice(0, KEYS_MAX)), rest };
}

export function toItem(project: string, minute: string, rawShard: string, counters: MinuteCounters) {
  const item: Record<string, AttributeValue> = {
    pk: { S: minuteKey(project) },
    sk: { S: `${minute}#${rawShard}` },
    events: { N: String(counters.events) },
    labels: tallyAttribute(counters.labels),
    pages: tallyAttribute(counters.pages),
    countries: tallyAttribute(counters.countries),
    rest: {
      M: {
        labels: { N: String(counters.labels.rest) },
        pages: { N: String(counters.pages.rest) },
        countries: { N: String(counters.countries.rest) },
      },
    },
    subjects: { B: counters.subjects.encode() },
    lastEventAt: { S: new Date(counters.lastEventAtMs).toISOString() },
    checkpoint: { S: counters.checkpoint },
    expiresAt: { N: String(Math.floor((Date.parse(minute) + KEPT_MS) / 1_000)) },
  };
  return item;
}

/** @throws when the item is none of ours. */
export function fromItem(item: Record<string, AttributeValue>): MinuteCounters {
  const { events, labels, pages, countries, rest, subjects, lastEventAt, checkpoint } = item;
  if (!events?.N || !subjects?.B || !lastEventAt?.S || checkpoint?.S === undefined) {
    throw new Error("a minute's item lacks an attribute");
  }
  return {
    events: Number(events.N),
    labels: tallyOf(labels, rest?.M?.["labels"]),
    pages: tallyOf(pages, rest?.M?.["pages"]),
    countries: tallyOf(countries, rest?.M?.["countries"]),
    subjects: Sketch.decode(subjects.B),
    lastEventAtMs: Date.parse(lastEventAt.S),
    checkpoint: checkpoint.S,
  };
}

function tallyAttribute(tally: Tally): AttributeValue {
  return { M: Object.fromEntries([...tally.counts].map(([key, count]) => [key, { N: String(count) }])) };
}

function tallyOf(counts: AttributeValue | undefined, rest: AttributeValue | undefined): Tally {
  const entries = Object.entries(counts?.M ?? {}).map(([key, count]): [string, number] => [key, Number(count.N ?? 0)]);
  return { counts: new Map(entries), rest: Number(rest?.N ?? 0) };
}
