// Encodes an entry of a project's registry as a DynamoDB item: the messages that one consumer registered together. Pure.

import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type EnrichedEvent, hashId, packIds } from "@behaviour/contract";

/** An id and its owner take 12 bytes; an item holds at most 400 KB. */
export const ENTRY_MESSAGES_MAX = 20_000;
const SEQUENCE_DIGITS = 15;
/** Longer than the dedupe window, so that the whole window can be read without a gap. */
const KEPT_SECONDS = 26 * 3_600;

export interface Entry {
  /** The entry's place in the project's order. */
  sequence: number;
  rawShard: string;
  /** Position of the entry's last message. */
  lastPosition: string;
  registeredAtMs: number;
  /** Packed message ids. */
  ids: Uint8Array;
  /** The owner of each id, four bytes each, big-endian. */
  owners: Uint8Array;
}

export function registryKey(namespace: string, project: string): string {
  return `${namespace}${project}#ids`;
}

export function sequenceKey(sequence: number): string {
  return String(sequence).padStart(SEQUENCE_DIGITS, "0");
}

/** Identifies the copy of a message at one position of one raw shard, in 32 bits. */
export function ownerOf(event: Pick<EnrichedEvent, "rawShard" | "position">): number {
  return hashId(`${event.rawShard} ${event.position}`).low;
}

export function entryOf(events: readonly EnrichedEvent[], sequence: number, nowMs: number): Entry {
  const last = events.at(-1);
  if (last === undefined) throw new Error("a registry entry holds at least one message");
  const owners = Buffer.alloc(events.length * 4);
  for (const [index, event] of events.entries()) owners.writeUInt32BE(ownerOf(event), index * 4);
  return {
    sequence,
    rawShard: last.rawShard,
    lastPosition: last.position,
    registeredAtMs: nowMs,
    ids: packIds(events.map((event) => event.messageId)),
    owners,
  };
}

export function entryToItem(key: string, entry: Entry): Record<string, AttributeValue> {
  return {
    pk: { S: key },
    sk: { S: sequenceKey(entry.sequence) },
    rawShard: { S: entry.rawShard },
    lastPosition: { S: entry.lastPosition },
    registeredAtMs: { N: String(entry.registeredAtMs) },
    ids: { B: entry.ids },
    owners: { B: entry.owners },
    expiresAt: { N: String(Math.floor(entry.registeredAtMs / 1_000) + KEPT_SECONDS) },
  };
}

/** @throws if the item was not written by this code. */
export function entryFromItem(item: Record<string, AttributeValue>): Entry {
  const { sk, rawShard, lastPosition, registeredAtMs, ids, owners } = item;
  if (!sk?.S || !rawShard?.S || !lastPosition?.S || !registeredAtMs?.N || !ids?.B || !owners?.B) {
    throw new Error("a registry item lacks an attribute");
  }
  return {
    sequence: Number(sk.S),
    rawShard: rawShard.S,
    lastPosition: lastPosition.S,
    registeredAtMs: Number(registeredAtMs.N),
    ids: ids.B,
    owners: owners.B,
  };
}
