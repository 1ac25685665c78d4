// Names ids in the consent ledger and determines the object of each. An entry is the id's kind, its bucket and a keyed hash of
// the id. The numbers of buckets and homes are fixed, so a record's place does not depend on the project's number of shards.
// ADR 009.

import { createHmac } from "node:crypto";
import { packIds } from "@behaviour/contract";
import { bucketOf } from "../placement/bucket.ts";

/** The kind is a byte of its own, so that ids of different kinds can never have the same entry. */
export const ENTRY_KIND = {
  anonymousId: 1,
  userId: 2,
  /** MurmurHash of `kind:id`, as the previous release stored and sent it. */
  legacy: 3,
} as const;
export type IdKind = "anonymousId" | "userId";

/** Ledger objects of a project, from `<project>:0` on. The number determines a record's object and never changes. */
export const HOMES = 16;

/** Kind, bucket, hash. */
export const ENTRY_BYTES = 18;
const HASH_AT = 2;
const HASH_BYTES = ENTRY_BYTES - HASH_AT;

/** Kind and bucket of an entry as one number. A shard subscribes to topics. */
export function topicOf(entry: Uint8Array): number {
  return ((entry[0] as number) << 8) | (entry[1] as number);
}

export function homeOfTopic(topic: number): number {
  return (topic & 0xff) % HOMES;
}

export function homeName(project: string, home: number): string {
  return `${project}:${home}`;
}

export const LEDGER_SECRET_LENGTH = 32;
const PROJECTS_MAX = 1_000;
const HASHES_MAX = 4_096;

interface ProjectKey {
  key: Uint8Array;
  /** Stands for the project and its secret in this isolate. */
  number: number;
}

let numbers = 0;
const projectKeys = new Map<string, ProjectKey>();
/** Hashes by project number, kind and id. A device sends many events in a row, so its hash is computed once. */
const hashes = new Map<string, Uint8Array>();

/** Computes the entries of one project's ids. */
export class LedgerIds {
  readonly #key: Uint8Array;
  readonly #number: number;

  private constructor({ key, number }: ProjectKey) {
    this.#key = key;
    this.#number = number;
  }

  /** @returns null if the installation has no secret for the hashes. */
  static of(project: string, secret: string | undefined): LedgerIds | null {
    if (secret === undefined || secret.length < LEDGER_SECRET_LENGTH) return null;
    const name = `${project}\n${secret}`;
    let known = projectKeys.get(name);
    if (known === undefined) {
      const key = createHmac("sha256", secret).update(`consent ledger of ${project}`).digest();
      known = { key, number: numbers++ };
      if (projectKeys.size >= PROJECTS_MAX) projectKeys.clear();
      projectKeys.set(name, known);
    }
    return new LedgerIds(known);
  }

  entry(kind: IdKind, id: string): Uint8Array {
    const name = `${this.#number}${kind}${id}`;
    let entry = hashes.get(name);
    if (entry === undefined) {
      const hash = createHmac("sha256", this.#key).update(`${kind}:${id}`).digest();
      entry = entryOf(ENTRY_KIND[kind], bucketOf(id), hash);
      if (hashes.size >= HASHES_MAX) hashes.clear();
      hashes.set(name, entry);
    }
    return entry;
  }
}

/** The entry of an id from the 8-byte hash that the previous release used in its calls and tables. */
export function legacyEntry(hash: Uint8Array): Uint8Array {
  return entryOf(ENTRY_KIND.legacy, hash[hash.byteLength - 1] as number, hash);
}

export function legacyEntryOf(kind: IdKind, id: string): Uint8Array {
  return legacyEntry(packIds([`${kind}:${id}`]));
}

function entryOf(kind: number, bucket: number, hash: Uint8Array): Uint8Array {
  const entry = new Uint8Array(ENTRY_BYTES);
  entry[0] = kind;
  entry[1] = bucket;
  entry.set(hash.subarray(0, HASH_BYTES), HASH_AT);
  return entry;
}

/** An entry as the key of a Map. */
export function entryKey(entry: Uint8Array): string {
  return String.fromCharCode(...entry);
}
