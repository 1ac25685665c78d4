// Stores which surrogates are one person, as edges between surrogates. Events state the edges, and each edge is kept once. An
// edge holds no client id.
//
// Edges are in the vault's table, which the processor uses anyway. An edge has two items, one under each end, so that a look-up
// and an erasure can reach it from either end. An item is written under its own name, and only if it does not exist. A batch
// that arrives twice, in pieces or after a crash between the two writes therefore leaves the same two items.

import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  paginateQuery,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { TABLES } from "@behaviour/contract";
import { callDeadline } from "../aws.ts";
import { BoundedCache } from "../bounded-cache.ts";

/** `identify`: the device is this user's. `alias`: the client says that two ids are one person. */
export type EdgeKind = "identify" | "alias";

export interface IdentityEdge {
  project: string;
  kind: EdgeKind;
  /** Surrogates: of the device or the former id, and of the person. */
  from: string;
  to: string;
  /** Id of the first secret key that stated the edge; null while only public keys have stated it. */
  vouchedBy: string | null;
}

const CACHE_ENTRIES = 50_000;
/** An erasure may have deleted a remembered edge. After this time the edge is written again if events still state it. */
const CACHE_MS = 5 * 60_000;
const WRITES_AT_ONCE = 16;
/** A person with more ids than this is a test account or a mistake. Only the nearest ids are found. */
const PERSON_SUBJECTS_MAX = 200;

const OUT = ">";
const IN = "<";

export class IdentityEdges {
  readonly #dynamodb: DynamoDBClient;
  readonly #nowMs: () => number;
  readonly #known = new BoundedCache<number>(CACHE_ENTRIES);

  constructor(dynamodb: DynamoDBClient, nowMs: () => number = Date.now) {
    this.#dynamodb = dynamodb;
    this.#nowMs = nowMs;
  }

  /** Stores the edges that are not stored yet. @throws an infrastructure fault; calling again is safe. */
  async keep(edges: readonly IdentityEdge[]): Promise<void> {
    const nowMs = this.#nowMs();
    const fresh = new Map<string, IdentityEdge>();
    for (const edge of edges) {
      const name = nameOf(edge);
      const keptAtMs = this.#known.get(name);
      if (keptAtMs === undefined || nowMs - keptAtMs > CACHE_MS) fresh.set(name, edge);
    }
    const names = [...fresh];
    for (let start = 0; start < names.length; start += WRITES_AT_ONCE) {
      await Promise.all(
        names.slice(start, start + WRITES_AT_ONCE).map(async ([name, edge]) => {
          await Promise.all(itemsOf(edge).map((item) => this.#put(item, edge.vouchedBy)));
          this.#known.set(name, nowMs);
        }),
      );
    }
  }

  async #put(item: EdgeItem, vouchedBy: string | null): Promise<void> {
    if (vouchedBy === null) return this.#putIfMissing(item);
    const command = new UpdateItemCommand({
      TableName: TABLES.vault,
      Key: item,
      UpdateExpression: "SET vouchedBy = if_not_exists(vouchedBy, :key)",
      ExpressionAttributeValues: { ":key": { S: vouchedBy } },
    });
    await this.#dynamodb.send(command, { abortSignal: callDeadline() });
  }

  async #putIfMissing(item: EdgeItem): Promise<void> {
    const command = new PutItemCommand({
      TableName: TABLES.vault,
      Item: item,
      ConditionExpression: "attribute_not_exists(pk)",
    });
    try {
      await this.#dynamodb.send(command, { abortSignal: callDeadline() });
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  }

  /** The edges that have the surrogate at either end. */
  async of(project: string, subject: string): Promise<IdentityEdge[]> {
    const pk = partitionOf(project, subject);
    const pages = paginateQuery(
      { client: this.#dynamodb },
      {
        TableName: TABLES.vault,
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": { S: pk } },
        ConsistentRead: true,
      },
      { abortSignal: callDeadline() },
    );
    const edges: IdentityEdge[] = [];
    for await (const page of pages) for (const item of page.Items ?? []) edges.push(...edgeOf(project, subject, item));
    return edges;
  }

  /**
   * All surrogates of the person that `subject` belongs to, `subject` first. A shared device belongs to its first user only, so
   * two people are never joined here, unless a client joins them by an alias.
   */
  async personOf(project: string, subject: string): Promise<string[]> {
    const person = new Set([subject]);
    for (const one of person) {
      if (person.size >= PERSON_SUBJECTS_MAX) break;
      for (const { from, to } of await this.of(project, one)) {
        if (person.size < PERSON_SUBJECTS_MAX) person.add(from === one ? to : from);
      }
    }
    return [...person];
  }

  /** Deletes every edge of the surrogate, at both ends. @returns how many there were; calling again is safe. */
  async erase(project: string, subject: string): Promise<number> {
    const edges = await this.of(project, subject);
    for (const edge of edges) {
      // The item at the far end is deleted first. A second run needs the near item to find what the first run left.
      const items = itemsOf(edge);
      if (edge.from === subject) items.reverse();
      for (const item of items) {
        const command = new DeleteItemCommand({ TableName: TABLES.vault, Key: item });
        await this.#dynamodb.send(command, { abortSignal: callDeadline() });
      }
      this.#known.delete(nameOf(edge));
      this.#known.delete(nameOf({ ...edge, vouchedBy: null }));
    }
    return edges.length;
  }
}

/** An edge that a secret key states is written again even if a public key has stated it before. */
function nameOf({ project, kind, from, to, vouchedBy }: IdentityEdge): string {
  return `${project} ${kind} ${from} ${to}${vouchedBy === null ? "" : " vouched"}`;
}

function partitionOf(project: string, subject: string): string {
  return `${project}#edge#${subject}`;
}

/** An item's key, which is all of an unvouched edge. */
type EdgeItem = Record<"pk" | "sk", AttributeValue>;

/** The item under `from`, then the item under `to`. */
function itemsOf({ project, kind, from, to }: IdentityEdge): EdgeItem[] {
  return [
    { pk: { S: partitionOf(project, from) }, sk: { S: `${kind}${OUT}${to}` } },
    { pk: { S: partitionOf(project, to) }, sk: { S: `${kind}${IN}${from}` } },
  ];
}

const SORT_KEY = /^(identify|alias)([<>])([0-9a-f]{32})$/;

function edgeOf(project: string, subject: string, item: Record<string, AttributeValue>): IdentityEdge[] {
  const [, kind, direction, other] = SORT_KEY.exec(item["sk"]?.S ?? "") ?? [];
  if (kind === undefined || other === undefined) return [];
  const ends = direction === OUT ? { from: subject, to: other } : { from: other, to: subject };
  return [{ project, kind: kind as EdgeKind, ...ends, vouchedBy: item["vouchedBy"]?.S ?? null }];
}
