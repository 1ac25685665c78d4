// Computes the hot tier's counters: one item for each project, minute of receipt and raw shard. Pure: events in, item out.

import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type EnrichedEvent, LIMITS } from "@behaviour/contract";
import { cutText, eventLabel } from "../label.ts";
import { decodeRanges, encodeRanges, type PositionRange, positionNumber, withPositions } from "./ranges.ts";
import { Sketch } from "./sketch.ts";

export const MINUTE_MS = 60_000;
/** An item is kept this long after its minute. Events that were received earlier are not counted. */
export const KEPT_MS = 48 * 3_600_000;
/** An item is at most 400 KB. Three maps with this many keys of at most 200 characters are a quarter of it. */
export const KEYS_MAX = 100;

/** Counts of the most frequent keys. `rest` is the sum of the others. */
export interface Tally {
  counts: Map<string, number>;
  rest: number;
}

export interface MinuteCounters {
  /** Distinct messages. The sum over all items of a project is the exact number of its messages in this tier. */
  events: number;
  /** Duplicates of messages that were counted before. They are not included in `events`. */
  copies: number;
  labels: Tally;
  /** Page views by path. */
  pages: Tally;
  countries: Tally;
  subjects: Sketch;
  lastEventAtMs: number;
  /** Position of the last event of this raw shard that this item has processed. */
  checkpoint: string;
  /** The positions that were processed. The checkpoint alone is not enough, because it also passes batches that failed. */
  ranges: readonly PositionRange[];
  /** Number of writes. Of two concurrent writes one succeeds. */
  revision: number;
}

export function minuteOf(receivedAtMs: number): string {
  return new Date(Math.floor(receivedAtMs / MINUTE_MS) * MINUTE_MS).toISOString();
}

export function minuteKey(project: string): string {
  return `${project}#minute`;
}

/**
 * The counters after these events, none of which was processed before. The given counters are not changed.
 * @param judged the events and, in order among them, the duplicates that do not count
 */
export function countEvents(
  before: MinuteCounters | null,
  events: readonly EnrichedEvent[],
  judged: readonly EnrichedEvent[] = events,
): MinuteCounters {
  const last = judged.at(-1)?.position ?? "";
  const checkpoint = before?.checkpoint ?? "";
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
    copies: (before?.copies ?? 0) + judged.length - events.length,
    labels: bounded(labels),
    pages: bounded(pages),
    countries: bounded(countries),
    subjects,
    lastEventAtMs,
    // The checkpoint never moves backwards: redriven events are older.
    checkpoint: last > checkpoint ? last : checkpoint,
    ranges: rangesAfter(before?.ranges ?? [], judged, checkpoint),
    revision: (before?.revision ?? 0) + 1,
  };
}

function rangesAfter(
  ranges: readonly PositionRange[],
  judged: readonly EnrichedEvent[],
  checkpoint: string,
): readonly PositionRange[] {
  const [first, last] = [judged[0], judged.at(-1)];
  if (first === undefined || last === undefined) return ranges;
  // Nearly always all events are after the checkpoint. Then only two positions are converted to numbers.
  const ends = first.position > checkpoint ? [first, last] : judged;
  return withPositions(
    ranges,
    ends.map(({ position }) => positionNumber(position)),
  );
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

export function minuteToItem(project: string, minute: string, rawShard: string, counters: MinuteCounters) {
  const item: Record<string, AttributeValue> = {
    pk: { S: minuteKey(project) },
    sk: { S: `${minute}#${rawShard}` },
    events: { N: String(counters.events) },
    copies: { N: String(counters.copies) },
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
    ranges: { B: encodeRanges(counters.ranges) },
    revision: { N: String(counters.revision) },
    expiresAt: { N: String(Math.floor((Date.parse(minute) + KEPT_MS) / 1_000)) },
  };
  return item;
}

/** @throws if the item was not written by this code. */
export function minuteFromItem(item: Record<string, AttributeValue>): MinuteCounters {
  const { events, copies, labels, pages, countries, rest, subjects, lastEventAt, checkpoint, ranges, revision } = item;
  if (!events?.N || !subjects?.B || !lastEventAt?.S || checkpoint?.S === undefined) {
    throw new Error("a minute's item lacks an attribute");
  }
  return {
    events: Number(events.N),
    copies: Number(copies?.N ?? 0),
    labels: tallyOf(labels, rest?.M?.["labels"]),
    pages: tallyOf(pages, rest?.M?.["pages"]),
    countries: tallyOf(countries, rest?.M?.["countries"]),
    subjects: Sketch.decode(subjects.B),
    lastEventAtMs: Date.parse(lastEventAt.S),
    checkpoint: checkpoint.S,
    ranges: decodeRanges(ranges?.B ?? new Uint8Array()),
    revision: Number(revision?.N ?? 0),
  };
}

function tallyAttribute(tally: Tally): AttributeValue {
  return { M: Object.fromEntries([...tally.counts].map(([key, count]) => [key, { N: String(count) }])) };
}

function tallyOf(counts: AttributeValue | undefined, rest: AttributeValue | undefined): Tally {
  const entries = Object.entries(counts?.M ?? {}).map(([key, count]): [string, number] => [key, Number(count.N ?? 0)]);
  return { counts: new Map(entries), rest: Number(rest?.N ?? 0) };
}
