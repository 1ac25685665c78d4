// Writes the profiles' items in DynamoDB, on the condition that no other consumer wrote them meanwhile, and reads them by
// subject. It caches the items that it wrote last, because an active person's profile is written again soon.

import { type DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { type EnrichedEvent, TABLES } from "@behaviour/contract";
import { callDeadline } from "../../aws.ts";
import {
  addToProfile,
  type Profile,
  profileFromItem,
  profileKey,
  profileToItem,
  type StoredProfile,
} from "./profile.ts";

/** Some kilobytes each. */
const KEPT_PROFILES = 2_000;
const PUT_TRIES = 20;

export class Profiles {
  readonly #dynamodb: DynamoDBClient;
  readonly #nowMs: () => number;
  readonly #kept = new Map<string, StoredProfile>();

  constructor(dynamodb: DynamoDBClient, nowMs: () => number) {
    this.#dynamodb = dynamodb;
    this.#nowMs = nowMs;
  }

  /** @param events of one person and one raw shard, in order. Events that the profile already includes change nothing. */
  async add(project: string, subject: string, events: readonly EnrichedEvent[]): Promise<void> {
    for (let tries = 0; tries < PUT_TRIES; tries++) {
      const before = await this.#get(project, subject);
      const next = addToProfile(before.profile, events);
      if (next === null || (await this.#put(project, subject, before.revision, next))) return;
    }
    throw new Error("a profile is written by too many at once");
  }

  /** `revision` is the item's revision, also of an expired item that is restarted; null if there is no item. */
  async #get(project: string, subject: string): Promise<{ profile: StoredProfile | null; revision: number | null }> {
    const kept = this.#kept.get(nameOf(project, subject));
    if (kept !== undefined) return { profile: kept, revision: kept.revision };
    const item = await getItem(this.#dynamodb, project, subject);
    if (item === undefined) return { profile: null, revision: null };
    return { profile: profileFromItem(item, this.#nowMs()), revision: Number(item["revision"]?.N ?? 0) };
  }

  async #put(project: string, subject: string, before: number | null, next: StoredProfile): Promise<boolean> {
    const name = nameOf(project, subject);
    const profile = { ...next, revision: (before ?? 0) + 1 };
    const put = new PutItemCommand({
      TableName: TABLES.hot,
      Item: profileToItem(project, subject, profile, this.#nowMs()),
      ...(before === null
        ? { ConditionExpression: "attribute_not_exists(pk)" }
        : {
            ConditionExpression: "revision = :before",
            ExpressionAttributeValues: { ":before": { N: String(before) } },
          }),
    });
    this.#kept.delete(name);
    try {
      await this.#dynamodb.send(put, { abortSignal: callDeadline() });
    } catch (fault) {
      if (fault instanceof Error && fault.name === "ConditionalCheckFailedException") return false;
      throw fault;
    }
    this.#kept.set(name, profile);
    const oldest = this.#kept.keys().next().value;
    if (this.#kept.size > KEPT_PROFILES && oldest !== undefined) this.#kept.delete(oldest);
    return true;
  }
}

/** Reads strongly consistently. @returns null for a person without events in the last 48 hours or without a sign-in */
export async function readProfile(
  dynamodb: DynamoDBClient,
  project: string,
  subject: string,
  nowMs: number,
): Promise<Profile | null> {
  const item = await getItem(dynamodb, project, subject);
  const stored = item === undefined ? null : profileFromItem(item, nowMs);
  if (stored === null) return null;
  const { positions: _positions, revision: _revision, ...profile } = stored;
  return profile;
}

async function getItem(dynamodb: DynamoDBClient, project: string, subject: string) {
  const get = new GetItemCommand({ TableName: TABLES.hot, Key: profileKey(project, subject), ConsistentRead: true });
  return (await dynamodb.send(get, { abortSignal: callDeadline() })).Item;
}

function nameOf(project: string, subject: string): string {
  return `${project}#${subject}`;
}
