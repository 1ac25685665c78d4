// Stores the counts of the edge's shards, minute by minute, for reconciliation (I9). Each line has its own name, so storing it
// again changes nothing. The lines of a minute are added up.

import { type AttributeValue, type DynamoDBClient, PutItemCommand, paginateQuery } from "@aws-sdk/client-dynamodb";
import { type ShardCounters, TABLES } from "@behaviour/contract";
import { callDeadline } from "../aws.ts";

const RETENTION_SECONDS = 7 * 24 * 3_600;
const WRITES_AT_ONCE = 16;

function partitionOf(project: string): string {
  return `edge#${project}`;
}

export class EdgeCounters {
  readonly #dynamodb: DynamoDBClient;

  constructor(dynamodb: DynamoDBClient) {
    this.#dynamodb = dynamodb;
  }

  /** @throws an infrastructure fault; calling again is safe. */
  async store(counters: readonly ShardCounters[]): Promise<void> {
    for (let start = 0; start < counters.length; start += WRITES_AT_ONCE) {
      await Promise.all(counters.slice(start, start + WRITES_AT_ONCE).map((line) => this.#put(line)));
    }
  }

  async #put({ project, minuteMs, shard, boot, serial, ...counts }: ShardCounters): Promise<void> {
    const numbers = Object.fromEntries(
      Object.entries({ minuteMs, ...counts }).map(([name, value]): [string, AttributeValue] => [
        name,
        { N: String(value) },
      ]),
    );
    const item: Record<string, AttributeValue> = {
      pk: { S: partitionOf(project) },
      sk: { S: `${new Date(minuteMs).toISOString()}#${shard}#${boot}#${serial}` },
      expiresAt: { N: String(Math.floor(minuteMs / 1_000) + RETENTION_SECONDS) },
      ...numbers,
    };
    await this.#dynamodb.send(new PutItemCommand({ TableName: TABLES.ledger, Item: item }), {
      abortSignal: callDeadline(),
    });
  }

  /** The sums of each minute that has counts, oldest first; `fromMs` inclusive, `toMs` exclusive. */
  async read(project: string, fromMs: number, toMs: number): Promise<EdgeMinute[]> {
    const minutes = new Map<number, EdgeMinute>();
    const pages = paginateQuery(
      { client: this.#dynamodb },
      {
        TableName: TABLES.ledger,
        KeyConditionExpression: "pk = :pk AND sk BETWEEN :from AND :to",
        ExpressionAttributeValues: {
          ":pk": { S: partitionOf(project) },
          ":from": { S: new Date(fromMs).toISOString() },
          ":to": { S: new Date(toMs).toISOString() },
        },
        ConsistentRead: true,
      },
    );
    for await (const page of pages) for (const item of page.Items ?? []) addLine(minutes, item);
    return [...minutes.values()].sort((a, b) => a.minuteMs - b.minuteMs);
  }
}

export interface EdgeMinute {
  minuteMs: number;
  accepted: number;
  duplicates: number;
  rejected: number;
  suppressed: number;
}

const COUNTS = ["accepted", "duplicates", "rejected", "suppressed"] as const;

function addLine(minutes: Map<number, EdgeMinute>, item: Record<string, AttributeValue>): void {
  const minuteMs = Number(item.minuteMs?.N);
  const minute = minutes.get(minuteMs) ?? { minuteMs, accepted: 0, duplicates: 0, rejected: 0, suppressed: 0 };
  for (const name of COUNTS) minute[name] += Number(item[name]?.N ?? 0);
  minutes.set(minuteMs, minute);
}
