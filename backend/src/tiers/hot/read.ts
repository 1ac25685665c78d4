// Reads the real-time view of one project from the hot tier, strongly consistently and by key range.

import { type DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";
import { TABLES } from "@behaviour/contract";
import { callDeadline } from "../../aws.ts";
import { MINUTE_MS, type MinuteCounters, minuteFromItem, minuteKey, minuteOf, type Tally } from "./minute.ts";
import { Sketch } from "./sketch.ts";

const TOP = 10;
/** A union exists only for one answer, so it can stay exact far longer than an item's sketch. */
const UNION_EXACT_MAX = 100_000;

export interface Realtime {
  /** Distinct subjects over the whole window. */
  activeUsers: number;
  /** Every minute of the window, oldest first, ISO 8601. A minute without events has 0. */
  perMinute: { minute: string; events: number }[];
  topEvents: { event: string; count: number }[];
  topPages: { page: string; count: number }[];
  countries: { country: string; count: number }[];
}

/** @param minutes length of the window, which ends with the current minute */
export async function readRealtime(
  dynamodb: DynamoDBClient,
  project: string,
  minutes: number,
  nowMs: number,
): Promise<Realtime> {
  const toMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  const fromMs = toMs - (minutes - 1) * MINUTE_MS;
  const perMinute = new Map<string, number>();
  for (let minuteMs = fromMs; minuteMs <= toMs; minuteMs += MINUTE_MS) perMinute.set(minuteOf(minuteMs), 0);

  const subjects = new Sketch(UNION_EXACT_MAX);
  const labels = new Map<string, number>();
  const pages = new Map<string, number>();
  const countries = new Map<string, number>();
  for await (const { minute, counters } of minuteItems(dynamodb, project, fromMs, nowMs)) {
    // An edge's clock may be ahead of ours. Its events then count for the current minute.
    const shown = perMinute.has(minute) ? minute : minuteOf(toMs);
    perMinute.set(shown, (perMinute.get(shown) ?? 0) + counters.events);
    subjects.merge(counters.subjects);
    addTally(labels, counters.labels);
    addTally(pages, counters.pages);
    addTally(countries, counters.countries);
  }
  return {
    activeUsers: subjects.estimate(),
    perMinute: [...perMinute].map(([minute, events]) => ({ minute, events })),
    topEvents: top(labels).map(([event, count]) => ({ event, count })),
    topPages: top(pages).map(([page, count]) => ({ page, count })),
    countries: top(countries).map(([country, count]) => ({ country, count })),
  };
}

/** The items from a minute on, without expired items, which DynamoDB may remove two days later. */
async function* minuteItems(
  dynamodb: DynamoDBClient,
  project: string,
  fromMs: number,
  nowMs: number,
): AsyncGenerator<{ minute: string; counters: MinuteCounters }> {
  let startKey: Record<string, never> | undefined;
  do {
    const query: QueryCommand = new QueryCommand({
      TableName: TABLES.hot,
      KeyConditionExpression: "pk = :pk and sk >= :from",
      ExpressionAttributeValues: { ":pk": { S: minuteKey(project) }, ":from": { S: minuteOf(fromMs) } },
      ConsistentRead: true,
      ...(startKey === undefined ? {} : { ExclusiveStartKey: startKey }),
    });
    const page = await dynamodb.send(query, { abortSignal: callDeadline() });
    for (const item of page.Items ?? []) {
      const minute = item["sk"]?.S?.slice(0, item["sk"].S.indexOf("#")) ?? "";
      const expired = Number(item["expiresAt"]?.N ?? 0) * 1_000 <= nowMs;
      if (!expired) yield { minute, counters: minuteFromItem(item) };
    }
    startKey = page.LastEvaluatedKey as Record<string, never> | undefined;
  } while (startKey !== undefined);
}

function addTally(sum: Map<string, number>, tally: Tally): void {
  for (const [key, count] of tally.counts) sum.set(key, (sum.get(key) ?? 0) + count);
}

function top(counts: Map<string, number>): [string, number][] {
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, TOP);
}
