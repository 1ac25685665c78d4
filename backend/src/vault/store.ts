// Reads and writes the vault's table: one item per id, changed only by conditional writes of a single item. An entry is written
// once and keeps its surrogate. The only later change is to add the user who claimed it.

import { randomBytes } from "node:crypto";
import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { TABLES } from "@behaviour/contract";
import { callDeadline } from "../aws.ts";
import type { VaultIdKind } from "./identifiers.ts";

export interface VaultEntry {
  /** 32 hex digits, random: nothing about the person can be computed from it. */
  surrogate: string;
  /** Key of the user whose history an anonymous entry belongs to; null while no user has claimed it. */
  claimedBy: string | null;
}

export interface NewEntry {
  key: string;
  kind: VaultIdKind;
  surrogate: string;
  claimedBy: string | null;
}

const SORT_KEY = "surrogate";
/** DynamoDB's limit for one BatchGetItem. */
const KEYS_PER_READ = 100;
const READ_ROUNDS = 8;
const READ_BACKOFF_MS = 25;

export function newSurrogate(): string {
  return randomBytes(16).toString("hex");
}

export class VaultStore {
  readonly #dynamodb: DynamoDBClient;
  readonly #nowMs: () => number;

  constructor(dynamodb: DynamoDBClient, nowMs: () => number = Date.now) {
    this.#dynamodb = dynamodb;
    this.#nowMs = nowMs;
  }

  /** The entries that exist, read consistently. @throws an infrastructure fault. */
  async read(keys: readonly string[]): Promise<Map<string, VaultEntry>> {
    const entries = new Map<string, VaultEntry>();
    const chunks: string[][] = [];
    for (let start = 0; start < keys.length; start += KEYS_PER_READ)
      chunks.push(keys.slice(start, start + KEYS_PER_READ));
    await Promise.all(chunks.map((chunk) => this.#readChunk(chunk, entries)));
    return entries;
  }

  async #readChunk(keys: readonly string[], entries: Map<string, VaultEntry>): Promise<void> {
    let wanted: Record<string, AttributeValue>[] = keys.map((pk) => ({ pk: { S: pk }, sk: { S: SORT_KEY } }));
    for (let round = 0; round < READ_ROUNDS; round++) {
      const command = new BatchGetItemCommand({
        RequestItems: { [TABLES.vault]: { Keys: wanted, ConsistentRead: true } },
      });
      const answer = await this.#dynamodb.send(command, { abortSignal: callDeadline() });
      for (const item of answer.Responses?.[TABLES.vault] ?? []) {
        const entry = entryOf(item);
        if (item.pk?.S !== undefined && entry !== null) entries.set(item.pk.S, entry);
      }
      wanted = answer.UnprocessedKeys?.[TABLES.vault]?.Keys ?? [];
      if (wanted.length === 0) return;
      await new Promise((resolve) => setTimeout(resolve, READ_BACKOFF_MS * 2 ** round * (0.5 + Math.random())));
    }
    throw new Error(`vault: ${wanted.length} keys unprocessed after ${READ_ROUNDS} rounds`);
  }

  /** Writes the entry unless the key already has one. @returns the stored entry. @throws an infrastructure fault. */
  async create(entry: NewEntry): Promise<VaultEntry> {
    const command = new PutItemCommand({
      TableName: TABLES.vault,
      Item: {
        pk: { S: entry.key },
        sk: { S: SORT_KEY },
        surrogate: { S: entry.surrogate },
        kind: { S: entry.kind },
        createdAt: { N: String(this.#nowMs()) },
        ...(entry.claimedBy === null ? {} : { claimedBy: { S: entry.claimedBy } }),
      },
      ConditionExpression: "attribute_not_exists(pk)",
    });
    try {
      await this.#dynamodb.send(command, { abortSignal: callDeadline() });
      return { surrogate: entry.surrogate, claimedBy: entry.claimedBy };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
    // Another process created the entry first, or our own first attempt did and its answer was lost.
    const standing = (await this.read([entry.key])).get(entry.key);
    if (standing === undefined) throw new Error("vault: an entry was deleted while it was being created");
    return standing;
  }

  /** Assigns an anonymous entry to a user unless another user has it. @returns whether it now belongs to this user. */
  async claim(anonymousKey: string, userKey: string): Promise<boolean> {
    const command = new UpdateItemCommand({
      TableName: TABLES.vault,
      Key: { pk: { S: anonymousKey }, sk: { S: SORT_KEY } },
      UpdateExpression: "SET claimedBy = :user",
      ConditionExpression: "attribute_exists(pk) AND (attribute_not_exists(claimedBy) OR claimedBy = :user)",
      ExpressionAttributeValues: { ":user": { S: userKey } },
    });
    try {
      await this.#dynamodb.send(command, { abortSignal: callDeadline() });
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }
}

function entryOf(item: Record<string, AttributeValue>): VaultEntry | null {
  const surrogate = item.surrogate?.S;
  return surrogate === undefined ? null : { surrogate, claimedBy: item.claimedBy?.S ?? null };
}
