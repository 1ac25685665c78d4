// Reads the minutes' items in DynamoDB, and writes them on the condition that no other consumer wrote them meanwhile. It caches
// the items that it wrote last, because an item is written many times during its minute.

import { type DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { callDeadline } from "../../aws.ts";
import { type MinuteCounters, minuteFromItem, minuteKey, minuteToItem } from "./minute.ts";

/** A few kilobytes each. */
const KEPT_ITEMS = 2_000;

export interface MinutePlace {
  project: string;
  minute: string;
  rawShard: string;
}

export class Minutes {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;
  readonly #kept = new Map<string, MinuteCounters>();

  constructor(dynamodb: DynamoDBClient, table: string) {
    this.#dynamodb = dynamodb;
    this.#table = table;
  }

  /** @returns null if there is no item yet. The result may be stale if another process writes the same item. */
  async get(place: MinutePlace): Promise<MinuteCounters | null> {
    const kept = this.#kept.get(nameOf(place));
    if (kept !== undefined) return kept;
    const get = new GetItemCommand({
      TableName: this.#table,
      Key: { pk: { S: minuteKey(place.project) }, sk: { S: `${place.minute}#${place.rawShard}` } },
      ConsistentRead: true,
    });
    const { Item } = await this.#dynamodb.send(get, { abortSignal: callDeadline() });
    if (Item === undefined) return null;
    const counters = minuteFromItem(Item);
    this.#keep(place, counters);
    return counters;
  }

  /** @returns false if the item differs from `before`. The next `get` then reads the stored item. */
  async put(place: MinutePlace, before: MinuteCounters | null, next: MinuteCounters): Promise<boolean> {
    const put = new PutItemCommand({
      TableName: this.#table,
      Item: minuteToItem(place.project, place.minute, place.rawShard, next),
      ...(before === null || before.revision === 0
        ? { ConditionExpression: before === null ? "attribute_not_exists(pk)" : "attribute_not_exists(revision)" }
        : {
            ConditionExpression: "revision = :before",
            ExpressionAttributeValues: { ":before": { N: String(before.revision) } },
          }),
    });
    try {
      await this.#dynamodb.send(put, { abortSignal: callDeadline() });
    } catch (fault) {
      // After any fault the item may have been written.
      this.#kept.delete(nameOf(place));
      if (fault instanceof Error && fault.name === "ConditionalCheckFailedException") return false;
      throw fault;
    }
    this.#keep(place, next);
    return true;
  }

  #keep(place: MinutePlace, counters: MinuteCounters): void {
    const name = nameOf(place);
    this.#kept.delete(name);
    this.#kept.set(name, counters);
    const oldest = this.#kept.keys().next().value;
    if (this.#kept.size > KEPT_ITEMS && oldest !== undefined) this.#kept.delete(oldest);
  }
}

function nameOf({ project, minute, rawShard }: MinutePlace): string {
  return `${project}#${minute}#${rawShard}`;
}
