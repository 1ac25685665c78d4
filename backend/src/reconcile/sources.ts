// Reads the counts of the processor's ledger and of the hot tier's items. The cold tier's entries are read in
// ../tiers/cold/counts.ts, and the edge's lines in ../process/edge-counters.ts.

import {
  type AttributeValue,
  type DynamoDBClient,
  paginateQuery,
  type QueryCommandInput,
} from "@aws-sdk/client-dynamodb";
import { TABLES } from "@behaviour/contract";
import { LEDGER_SHARDS, ledgerPartition, RETENTION_SECONDS } from "../process/redelivery-ledger.ts";
import { minuteKey, minuteOf } from "../tiers/hot/minute.ts";
import type { FiledItem } from "./ingest.ts";

/** Items of one read of a shard's ledger. Each is an invocation, so this covers minutes of a busy shard. */
const ITEMS_MAX = 2_000;

/** All raw shards with a ledger of the processor. */
export async function ledgerShards(dynamodb: DynamoDBClient): Promise<string[]> {
  const shards: string[] = [];
  for await (const item of items(dynamodb, TABLES.ledger, "pk = :pk", { ":pk": LEDGER_SHARDS })) {
    if (item["sk"]?.S !== undefined) shards.push(item["sk"].S);
  }
  return shards;
}

/** @param fromSk inclusive */
export async function filedItems(dynamodb: DynamoDBClient, rawShard: string, fromSk: string): Promise<FiledItem[]> {
  const filed: FiledItem[] = [];
  const values = { ":pk": ledgerPartition(rawShard), ":from": fromSk };
  for await (const item of items(dynamodb, TABLES.ledger, "pk = :pk and sk >= :from", values)) {
    const { sk, records, counts, expiresAt } = item;
    if (sk?.S === undefined || records?.B === undefined) continue;
    const filedAtMs = (Number(expiresAt?.N ?? 0) - RETENTION_SECONDS) * 1_000;
    filed.push({ sk: sk.S, filedAtMs, records: records.B, counts: counts?.B });
    if (filed.length >= ITEMS_MAX) break;
  }
  return filed;
}

export interface HotCount {
  loaded: number;
  copies: number;
}

/** Counts by minute, in epoch milliseconds. @param fromMs inclusive @param toMs inclusive; both are whole minutes */
export async function hotCounts(
  dynamodb: DynamoDBClient,
  project: string,
  fromMs: number,
  toMs: number,
): Promise<Map<number, HotCount>> {
  const counts = new Map<number, HotCount>();
  // `$` sorts after the `#` that follows a minute.
  const values = { ":pk": minuteKey(project), ":from": minuteOf(fromMs), ":to": `${minuteOf(toMs)}$` };
  const projection = { ProjectionExpression: "sk, events, copies" };
  for await (const item of items(dynamodb, TABLES.hot, "pk = :pk and sk between :from and :to", values, projection)) {
    const { sk, events, copies } = item;
    const minuteMs = Date.parse(sk?.S?.slice(0, sk.S.indexOf("#")) ?? "");
    const count = counts.get(minuteMs) ?? { loaded: 0, copies: 0 };
    count.loaded += Number(events?.N ?? 0);
    count.copies += Number(copies?.N ?? 0);
    counts.set(minuteMs, count);
  }
  return counts;
}

async function* items(
  dynamodb: DynamoDBClient,
  table: string,
  condition: string,
  values: Record<string, string>,
  more: Partial<QueryCommandInput> = {},
): AsyncGenerator<Record<string, AttributeValue>> {
  const pages = paginateQuery(
    { client: dynamodb },
    {
      TableName: table,
      KeyConditionExpression: condition,
      ExpressionAttributeValues: Object.fromEntries(Object.entries(values).map(([name, S]) => [name, { S }])),
      ConsistentRead: true,
      ...more,
    },
  );
  for await (const page of pages) yield* page.Items ?? [];
}
