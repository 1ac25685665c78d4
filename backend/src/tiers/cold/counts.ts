// Counts the events that the cold tier stored for a plan, by project and minute of receipt, for the reconciliation
// (../../reconcile). An entry is written after a plan's objects and before its end, and is valid when the plan is done. It is
// named by its first position, so that a repeated plan replaces it.

import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import type { EnrichedEvent } from "@behaviour/contract";
import { callDeadline } from "../../aws.ts";
import type { LoadPlan } from "./load-plan.ts";

const MINUTE_MS = 60_000;
/** Longer than the reconciliation reads counts. */
const KEPT_SECONDS = 8 * 24 * 3_600;

export interface ColdCount {
  project: string;
  minuteMs: number;
  loaded: number;
  copies: number;
}

export interface ColdCounts {
  /** Position of the first counted event. */
  first: string;
  counts: ColdCount[];
}

/** Pure. @param own the events that are stored; the others are duplicates */
export function countStored(
  events: readonly Pick<EnrichedEvent, "project" | "receivedAtMs">[],
  own: readonly Pick<EnrichedEvent, "project" | "receivedAtMs">[],
): ColdCount[] {
  const counts = new Map<string, ColdCount>();
  let last: ColdCount | undefined;
  const countOf = ({ project, receivedAtMs }: Pick<EnrichedEvent, "project" | "receivedAtMs">): ColdCount => {
    const minuteMs = Math.floor(receivedAtMs / MINUTE_MS) * MINUTE_MS;
    // Successive events are mostly of the same minute.
    if (last !== undefined && last.minuteMs === minuteMs && last.project === project) return last;
    const name = `${minuteMs} ${project}`;
    last = counts.get(name) ?? { project, minuteMs, loaded: 0, copies: 0 };
    counts.set(name, last);
    return last;
  };
  for (const event of events) countOf(event).copies++;
  for (const event of own) {
    const count = countOf(event);
    count.loaded++;
    count.copies--;
  }
  return [...counts.values()];
}

export async function putCounts(
  dynamodb: DynamoDBClient,
  table: string,
  { rawShard, first }: Pick<LoadPlan, "rawShard" | "first">,
  counts: readonly ColdCount[],
  nowMs: number,
): Promise<void> {
  const rows = counts.map(({ project, minuteMs, loaded, copies }) => [project, minuteMs, loaded, copies]);
  const put = new PutItemCommand({
    TableName: table,
    Item: {
      ...keyOf(rawShard, first),
      counts: { S: JSON.stringify(rows) },
      expiresAt: { N: String(Math.floor(nowMs / 1_000) + KEPT_SECONDS) },
    },
  });
  await dynamodb.send(put, { abortSignal: callDeadline() });
}

/** Deletes the counts of a plan whose objects are deleted. */
export async function deleteCounts(
  dynamodb: DynamoDBClient,
  table: string,
  { rawShard, first }: Pick<LoadPlan, "rawShard" | "first">,
): Promise<void> {
  const remove = new DeleteItemCommand({ TableName: table, Key: keyOf(rawShard, first) });
  await dynamodb.send(remove, { abortSignal: callDeadline() });
}

/** Reads a page of counts of completed plans after a position, oldest first. */
export async function readCounts(
  dynamodb: DynamoDBClient,
  table: string,
  plan: LoadPlan,
  after: string,
): Promise<ColdCounts[]> {
  const query = new QueryCommand({
    TableName: table,
    KeyConditionExpression: "pk = :pk and sk > :after",
    ExpressionAttributeValues: { ":pk": keyOf(plan.rawShard, "").pk, ":after": { S: after === "" ? " " : after } },
    ConsistentRead: true,
  });
  const { Items = [] } = await dynamodb.send(query, { abortSignal: callDeadline() });
  return Items.map(fromItem).filter(({ first }) => (plan.done ? first <= plan.last : first < plan.first));
}

function keyOf(rawShard: string, first: string): Record<"pk" | "sk", AttributeValue> {
  return { pk: { S: `cold#count#${rawShard}` }, sk: { S: first } };
}

function fromItem({ sk, counts }: Record<string, AttributeValue>): ColdCounts {
  const rows = JSON.parse(counts?.S ?? "[]") as [project: string, minuteMs: number, loaded: number, copies: number][];
  return {
    first: sk?.S ?? "",
    counts: rows.map(([project, minuteMs, loaded, copies]) => ({ project, minuteMs, loaded, copies })),
  };
}
