// Makes a replay count once, by one DynamoDB item per replayed failed event. The first record of the raw stream that carries an
// original claims the item for its place in the stream. If the same record runs again, it finds its own claim. Every other
// record finds another's claim and is dropped. So an original may be put on the stream twice, in any order, at any later time.

import {
  type AttributeValue,
  BatchGetItemCommand,
  type DynamoDBClient,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { TABLES } from "@behaviour/contract";
import { callDeadline } from "../aws.ts";

/** Longer than any failed event is kept. */
const KEPT_SECONDS = 400 * 86_400;
/** DynamoDB's limit for one BatchGetItem. */
const KEYS_PER_READ = 100;
const READ_ROUNDS = 8;
const READ_BACKOFF_MS = 25;
const WRITES_AT_ONCE = 16;

/** `replayed`: the original was processed, or is on the stream. `arrived`: the message had arrived another way. */
export type ReplayOutcome = "replayed" | "arrived";

export interface ReplayState {
  outcome: ReplayOutcome;
  /** Epoch milliseconds of the event's first replay. */
  atMs: number;
}

export interface FailureName {
  project: string;
  id: string;
}

export class ReplayClaims {
  readonly #dynamodb: DynamoDBClient;
  readonly #nowMs: () => number;

  constructor(dynamodb: DynamoDBClient, nowMs: () => number = Date.now) {
    this.#dynamodb = dynamodb;
    this.#nowMs = nowMs;
  }

  /** @param owner names the claimant, always by the same text. @returns whether this owner holds the claim. @throws a fault. */
  async take(name: FailureName, owner: string): Promise<boolean> {
    const command = new UpdateItemCommand({
      TableName: TABLES.ledger,
      Key: keyOf(name),
      UpdateExpression: `SET #owner = if_not_exists(#owner, :owner), ${FIRST_TIME}`,
      ExpressionAttributeNames: { "#owner": "owner" },
      ExpressionAttributeValues: { ":owner": { S: owner }, ...this.#times("replayed") },
      ReturnValues: "ALL_NEW",
    });
    const { Attributes } = await this.#dynamodb.send(command, { abortSignal: callDeadline() });
    return Attributes?.["owner"]?.S === owner;
  }

  /** Records that these events were replayed. The first time is kept. @throws an infrastructure fault; a retry is safe. */
  async mark(names: readonly FailureName[], outcome: ReplayOutcome): Promise<void> {
    for (let start = 0; start < names.length; start += WRITES_AT_ONCE) {
      await Promise.all(
        names.slice(start, start + WRITES_AT_ONCE).map((name) => {
          const command = new UpdateItemCommand({
            TableName: TABLES.ledger,
            Key: keyOf(name),
            UpdateExpression: `SET ${FIRST_TIME}`,
            ExpressionAttributeValues: this.#times(outcome),
          });
          return this.#dynamodb.send(command, { abortSignal: callDeadline() });
        }),
      );
    }
  }

  /** The states of one project's replayed events, by id. @throws an infrastructure fault. */
  async read(project: string, ids: readonly string[]): Promise<Map<string, ReplayState>> {
    const states = new Map<string, ReplayState>();
    const distinct = [...new Set(ids)];
    for (let start = 0; start < distinct.length; start += KEYS_PER_READ) {
      await this.#readChunk(project, distinct.slice(start, start + KEYS_PER_READ), states);
    }
    return states;
  }

  async #readChunk(project: string, ids: readonly string[], states: Map<string, ReplayState>): Promise<void> {
    let wanted: Record<string, AttributeValue>[] = ids.map((id) => keyOf({ project, id }));
    for (let round = 0; round < READ_ROUNDS; round++) {
      const command = new BatchGetItemCommand({
        RequestItems: { [TABLES.ledger]: { Keys: wanted, ConsistentRead: true } },
      });
      const answer = await this.#dynamodb.send(command, { abortSignal: callDeadline() });
      for (const item of answer.Responses?.[TABLES.ledger] ?? []) {
        const { sk, atMs, outcome } = item;
        if (sk?.S === undefined || atMs?.N === undefined) continue;
        states.set(sk.S, { atMs: Number(atMs.N), outcome: outcome?.S === "arrived" ? "arrived" : "replayed" });
      }
      wanted = answer.UnprocessedKeys?.[TABLES.ledger]?.Keys ?? [];
      if (wanted.length === 0) return;
      await new Promise((resolve) => setTimeout(resolve, READ_BACKOFF_MS * 2 ** round * (0.5 + Math.random())));
    }
    throw new Error(`replay claims: ${wanted.length} keys unprocessed after ${READ_ROUNDS} rounds`);
  }

  #times(outcome: ReplayOutcome): Record<string, AttributeValue> {
    const nowMs = this.#nowMs();
    return {
      ":now": { N: String(nowMs) },
      ":outcome": { S: outcome },
      ":expires": { N: String(Math.floor(nowMs / 1_000) + KEPT_SECONDS) },
    };
  }
}

const FIRST_TIME = "atMs = if_not_exists(atMs, :now), outcome = if_not_exists(outcome, :outcome), expiresAt = :expires";

function keyOf({ project, id }: FailureName): Record<"pk" | "sk", AttributeValue> {
  return { pk: { S: `replay#${project}` }, sk: { S: id } };
}
