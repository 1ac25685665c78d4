// Caches a project's registry in this process: the newest entries of the log in DynamoDB, without a gap, and the first owner of
// each of their messages. It reads in pages. Decisions are in registry.ts.

import { type AttributeValue, type DynamoDBClient, PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { type EnrichedEvent, hashId } from "@behaviour/contract";
import { callDeadline } from "../../aws.ts";
import { type Entry, entryFromItem, entryOf, entryToItem, ownerOf, sequenceKey } from "./entry.ts";
import { forEachId, IdTable } from "./id-table.ts";

/** Entries in one read. DynamoDB ends a page at 1 MB in any case. */
const PAGE_ENTRIES = 200;

export class RegistryLog {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;
  readonly #key: string;
  /** Ascending, without a gap up to the end of the log as last read. */
  #entries: Entry[] = [];
  #owners = new IdTable();
  #messages = 0;
  #nextSequence = 0;
  #reachesStart = false;

  constructor(dynamodb: DynamoDBClient, table: string, key: string) {
    this.#dynamodb = dynamodb;
    this.#table = table;
    this.#key = key;
  }

  get messages(): number {
    return this.#messages;
  }

  /** The first owner of this message in the entries that were read; undefined if there is none. */
  firstOwner(messageId: string): number | undefined {
    const { high, low } = hashId(messageId);
    return this.#owners.get(high, low);
  }

  isCopy(event: EnrichedEvent): boolean {
    const owner = this.firstOwner(event.messageId);
    return owner !== undefined && owner !== ownerOf(event);
  }

  /** Reads older entries until an entry is older than `fromMs`, the log begins, or `messagesMax` messages are in memory. */
  async readBack(fromMs: number, messagesMax: number): Promise<void> {
    while (!this.#reachesStart && (this.#entries[0]?.registeredAtMs ?? Infinity) >= fromMs) {
      if (this.#messages >= messagesMax) return;
      const oldest = this.#entries[0];
      const page = await this.#query("#sk < :bound", sequenceKey(oldest?.sequence ?? this.#nextSequence), false);
      if (page.length === 0) this.#reachesStart = true;
      for (const entry of page) this.#add(entry, true);
      this.#entries.unshift(...page.reverse());
    }
  }

  /** Finds the end of a log that this process has not read yet. */
  async readEnd(): Promise<void> {
    const page = await this.#query("#sk < :bound", ":", false);
    if (page.length === 0) this.#reachesStart = true;
    this.#nextSequence = (page[0]?.sequence ?? -1) + 1;
    for (const entry of page) this.#add(entry, true);
    this.#entries = page.reverse();
  }

  /** Reads the entries that other consumers appended since. @returns their number. */
  async readForward(): Promise<number> {
    let read = 0;
    for (;;) {
      const page = await this.#query("#sk >= :bound", sequenceKey(this.#nextSequence), true);
      if (page.length === 0) return read;
      for (const entry of page) this.#push(entry);
      read += page.length;
    }
  }

  /**
   * Registers messages as the next entry. @returns false if another consumer was faster: read on, and decide again. True means
   * that this process has read every entry before this entry.
   */
  async append(events: readonly EnrichedEvent[], nowMs: number): Promise<boolean> {
    const entry = entryOf(events, this.#nextSequence, nowMs);
    const put = new PutItemCommand({
      TableName: this.#table,
      Item: entryToItem(this.#key, entry),
      ConditionExpression: "attribute_not_exists(pk)",
    });
    try {
      await this.#dynamodb.send(put, { abortSignal: callDeadline() });
    } catch (fault) {
      if (fault instanceof Error && fault.name === "ConditionalCheckFailedException") return false;
      throw fault;
    }
    this.#push(entry);
    return true;
  }

  /** Drops the older entries, down to half of the cached messages. */
  forgetOldest(): void {
    const keep = this.#messages / 2;
    while (this.#messages > keep && this.#entries.length > 1) {
      const forgotten = this.#entries.shift();
      this.#messages -= (forgotten?.owners.byteLength ?? 0) / 4;
    }
    this.#reachesStart = false;
    this.#owners = new IdTable(this.#messages);
    this.#messages = 0;
    for (const entry of this.#entries) this.#add(entry, false);
  }

  #push(entry: Entry): void {
    this.#add(entry, false);
    this.#entries.push(entry);
    this.#nextSequence = entry.sequence + 1;
  }

  #add(entry: Entry, older: boolean): void {
    const owners = new DataView(entry.owners.buffer, entry.owners.byteOffset, entry.owners.byteLength);
    forEachId(entry.ids, (high, low, index) => this.#owners.set(high, low, owners.getUint32(index * 4), older));
    this.#messages += entry.owners.byteLength / 4;
  }

  async #query(condition: string, bound: string, ascending: boolean): Promise<Entry[]> {
    const values: Record<string, AttributeValue> = { ":pk": { S: this.#key }, ":bound": { S: bound } };
    const query = new QueryCommand({
      TableName: this.#table,
      KeyConditionExpression: `pk = :pk and ${condition}`,
      ExpressionAttributeNames: { "#sk": "sk" },
      ExpressionAttributeValues: values,
      ScanIndexForward: ascending,
      ConsistentRead: true,
      Limit: PAGE_ENTRIES,
    });
    const answer = await this.#dynamodb.send(query, { abortSignal: callDeadline() });
    return (answer.Items ?? []).map(entryFromItem);
  }
}
