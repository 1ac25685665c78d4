// Finds one message in a project's registry without reading the whole registry into memory, for people who ask where it is.

import { type DynamoDBClient, GetItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { hashId } from "@behaviour/contract";
import { callDeadline } from "../../aws.ts";
import { type Entry, entryFromItem, sequenceKey } from "./entry.ts";
import { forEachId } from "./id-table.ts";

/** Bytes of the log that one look-up reads: about five million messages. An older message is not found. */
const READ_BYTES_MAX = 64 * 1024 * 1024;
const PAGE_ENTRIES = 200;

export interface RegisteredMessage {
  registeredAtMs: number;
  rawShard: string;
  /** Position of the last message of the same entry. */
  lastPosition: string;
}

export async function findEntry(
  dynamodb: DynamoDBClient,
  table: string,
  key: string,
  messageId: string,
  fromMs: number,
): Promise<RegisteredMessage | null> {
  const wanted = hashId(messageId);
  let next: string | null = sequenceKey(await sequenceAt(dynamodb, table, key, fromMs));
  for (let readBytes = 0; next !== null && readBytes < READ_BYTES_MAX; ) {
    const page: Entry[] = await entriesFrom(dynamodb, table, key, next);
    for (const entry of page) {
      let found = false;
      forEachId(entry.ids, (high, low) => {
        found ||= high === wanted.high && low === wanted.low;
      });
      if (found) return entry;
      readBytes += entry.ids.byteLength + entry.owners.byteLength;
    }
    const last: Entry | undefined = page.at(-1);
    next = last === undefined ? null : sequenceKey(last.sequence + 1);
  }
  return null;
}

async function entriesFrom(dynamodb: DynamoDBClient, table: string, key: string, from: string): Promise<Entry[]> {
  const answer = await dynamodb.send(
    new QueryCommand({
      TableName: table,
      KeyConditionExpression: "pk = :pk and sk >= :from",
      ExpressionAttributeValues: { ":pk": { S: key }, ":from": { S: from } },
      Limit: PAGE_ENTRIES,
      ConsistentRead: true,
    }),
    { abortSignal: callDeadline() },
  );
  return (answer.Items ?? []).map(entryFromItem);
}

/** Finds by bisection the number of an entry after which all entries are from `fromMs` or later, except for clock errors. */
async function sequenceAt(dynamodb: DynamoDBClient, table: string, key: string, fromMs: number): Promise<number> {
  const newest = await edge(dynamodb, table, key, false);
  const oldest = await edge(dynamodb, table, key, true);
  if (newest === null || oldest === null || oldest.registeredAtMs >= fromMs) return 0;
  let low = oldest.sequence;
  let high = newest.sequence + 1;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    const registeredAtMs = await registeredAt(dynamodb, table, key, middle);
    if (registeredAtMs === null || registeredAtMs < fromMs) low = middle;
    else high = middle;
  }
  return low;
}

async function edge(dynamodb: DynamoDBClient, table: string, key: string, ascending: boolean): Promise<Entry | null> {
  const answer = await dynamodb.send(
    new QueryCommand({
      TableName: table,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": { S: key } },
      ScanIndexForward: ascending,
      Limit: 1,
      ConsistentRead: true,
    }),
    { abortSignal: callDeadline() },
  );
  const item = answer.Items?.[0];
  return item === undefined ? null : entryFromItem(item);
}

async function registeredAt(
  dynamodb: DynamoDBClient,
  table: string,
  key: string,
  sequence: number,
): Promise<number | null> {
  const get = new GetItemCommand({
    TableName: table,
    Key: { pk: { S: key }, sk: { S: sequenceKey(sequence) } },
    ProjectionExpression: "registeredAtMs",
  });
  const { Item } = await dynamodb.send(get, { abortSignal: callDeadline() });
  return Item?.registeredAtMs?.N === undefined ? null : Number(Item.registeredAtMs.N);
}
