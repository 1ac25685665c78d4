// Deletes a project's minutes that are older than its retention in the hot tier. DynamoDB's own expiry, which every item has, is
// the same for all projects and may be two days late.

import {
  type AttributeValue,
  BatchWriteItemCommand,
  type DynamoDBClient,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { TABLES } from "@behaviour/contract";
import { callDeadline } from "../../aws.ts";
import { minuteKey, minuteOf } from "./minute.ts";

const HOUR_MS = 3_600_000;
/** The maximum of one BatchWriteItem. */
const DELETE_AT_ONCE = 25;

type Key = Record<string, AttributeValue>;

/** @returns the number of deleted items */
export async function deleteOldMinutes(
  dynamodb: DynamoDBClient,
  project: string,
  hotHours: number,
  nowMs: number,
  hasTime: () => boolean,
): Promise<number> {
  let deleted = 0;
  let startKey: Key | undefined;
  do {
    const query: QueryCommand = new QueryCommand({
      TableName: TABLES.hot,
      KeyConditionExpression: "pk = :pk and sk < :before",
      ExpressionAttributeValues: {
        ":pk": { S: minuteKey(project) },
        ":before": { S: minuteOf(nowMs - hotHours * HOUR_MS) },
      },
      ProjectionExpression: "pk, sk",
      ...(startKey === undefined ? {} : { ExclusiveStartKey: startKey }),
    });
    const page = await dynamodb.send(query, { abortSignal: callDeadline() });
    const keys = page.Items ?? [];
    for (let start = 0; start < keys.length && hasTime(); start += DELETE_AT_ONCE) {
      const some = keys.slice(start, start + DELETE_AT_ONCE);
      await deleteItems(dynamodb, some);
      deleted += some.length;
    }
    startKey = page.LastEvaluatedKey;
  } while (startKey !== undefined && hasTime());
  return deleted;
}

/** Items that the table does not process now are left for the next run. */
async function deleteItems(dynamodb: DynamoDBClient, keys: readonly Key[]): Promise<void> {
  const batch = new BatchWriteItemCommand({
    RequestItems: { [TABLES.hot]: keys.map((Key) => ({ DeleteRequest: { Key } })) },
  });
  await dynamodb.send(batch, { abortSignal: callDeadline() });
}
