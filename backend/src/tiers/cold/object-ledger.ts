// Stores the cold tier's state in DynamoDB: the last plan of each raw shard, and the compactions in progress. Conditional
// writes stop a consumer that was overtaken. S3 alone does not offer them everywhere.

import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { callDeadline } from "../../aws.ts";
import type { LoadPlan } from "./load-plan.ts";

const PLANS = "cold#plan";
const COMPACTIONS = "cold#compaction";

export interface Compaction {
  /** `project=…/day=…` */
  partition: string;
  target: string;
  sources: string[];
  /** Until this time the writer of this entry is at work. Afterwards any process may complete the compaction. */
  leaseUntilMs: number;
}

export class ColdLedger {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;

  constructor(dynamodb: DynamoDBClient, table: string) {
    this.#dynamodb = dynamodb;
    this.#table = table;
  }

  async plan(rawShard: string): Promise<LoadPlan | null> {
    const get = new GetItemCommand({
      TableName: this.#table,
      Key: { pk: { S: PLANS }, sk: { S: rawShard } },
      ConsistentRead: true,
    });
    const { Item } = await this.#dynamodb.send(get, { abortSignal: callDeadline() });
    return Item === undefined ? null : planOf(Item);
  }

  async plans(): Promise<LoadPlan[]> {
    return (await this.#all(PLANS)).map(planOf);
  }

  /** Replaces the plan with the previous version. @throws if that plan is no longer the last plan. */
  async putPlan(plan: LoadPlan): Promise<void> {
    const put = new PutItemCommand({
      TableName: this.#table,
      Item: {
        pk: { S: PLANS },
        sk: { S: plan.rawShard },
        first: { S: plan.first },
        last: { S: plan.last },
        keys: textList(plan.keys),
        remove: textList(plan.remove),
        done: { BOOL: plan.done },
        version: { N: String(plan.version) },
      },
      ...(plan.version === 1
        ? { ConditionExpression: "attribute_not_exists(pk)" }
        : {
            ConditionExpression: "version = :before",
            ExpressionAttributeValues: { ":before": { N: String(plan.version - 1) } },
          }),
    });
    await this.#dynamodb.send(put, { abortSignal: callDeadline() });
  }

  async compactions(): Promise<Compaction[]> {
    return (await this.#all(COMPACTIONS)).map((item) => ({
      partition: item["sk"]?.S ?? "",
      target: item["target"]?.S ?? "",
      sources: textsOf(item["sources"]),
      leaseUntilMs: Number(item["leaseUntilMs"]?.N ?? 0),
    }));
  }

  /** @returns false if a compaction of the same partition is in progress. */
  async beginCompaction(compaction: Compaction): Promise<boolean> {
    const put = new PutItemCommand({
      TableName: this.#table,
      Item: {
        pk: { S: COMPACTIONS },
        sk: { S: compaction.partition },
        target: { S: compaction.target },
        sources: textList(compaction.sources),
        leaseUntilMs: { N: String(compaction.leaseUntilMs) },
      },
      ConditionExpression: "attribute_not_exists(pk)",
    });
    try {
      await this.#dynamodb.send(put, { abortSignal: callDeadline() });
      return true;
    } catch (fault) {
      if (fault instanceof Error && fault.name === "ConditionalCheckFailedException") return false;
      throw fault;
    }
  }

  async endCompaction(partition: string): Promise<void> {
    const remove = new DeleteItemCommand({
      TableName: this.#table,
      Key: { pk: { S: COMPACTIONS }, sk: { S: partition } },
    });
    await this.#dynamodb.send(remove, { abortSignal: callDeadline() });
  }

  async #all(pk: string): Promise<Record<string, AttributeValue>[]> {
    const items: Record<string, AttributeValue>[] = [];
    let startKey: Record<string, AttributeValue> | undefined;
    do {
      const query: QueryCommand = new QueryCommand({
        TableName: this.#table,
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": { S: pk } },
        ConsistentRead: true,
        ...(startKey === undefined ? {} : { ExclusiveStartKey: startKey }),
      });
      const page = await this.#dynamodb.send(query, { abortSignal: callDeadline() });
      items.push(...(page.Items ?? []));
      startKey = page.LastEvaluatedKey;
    } while (startKey !== undefined);
    return items;
  }
}

function textList(texts: readonly string[]): AttributeValue {
  return { L: texts.map((text) => ({ S: text })) };
}

function textsOf(list: AttributeValue | undefined): string[] {
  return (list?.L ?? []).map((text) => text.S ?? "");
}

function planOf(item: Record<string, AttributeValue>): LoadPlan {
  const { sk, first, last, keys, remove, done, version } = item;
  return {
    rawShard: sk?.S ?? "",
    first: first?.S ?? "",
    last: last?.S ?? "",
    keys: textsOf(keys),
    remove: textsOf(remove),
    done: done?.BOOL ?? false,
    version: Number(version?.N ?? 0),
  };
}
