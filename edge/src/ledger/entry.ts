// How the consent ledger names an id, and where it lies. An entry is the id's kind, its bucket and a keyed hash of it. Buckets and
// homes are fixed numbers: how many shards a project has today says nothing about where a record is found. ADR 009.

import { createHmac } from "node:crypto";
import { packIds } from "@behaviour/contract";
import { bucketOf } from "../placement/bucket.ts";

/** The kind is a byte of its own: an id of one kind can never be filed as one of another. */
export const ENTRY_KIND = {
  anonymousId: 1,
  userId: 2,
  /** MurmurHash of `kind:id`, as the release before this one filed and sent it. */
  legacy: 3,
} as const;
export type IdKind = "anonymousId" | "userId";

/** Ledger objects of a project, `<project>:0` and on. Never changes: it says in which object a record lies. */
export const HOMES = 16;

/** Kind, bucket, hash. */
export const ENTRY_BYTES = 18;
const HASH_AT = 2;
const HASH_BYTES = ENTRY_BYTES - HASH_AT;

/** Kind and bucket of an entry in one number: what a shard subscribes to. */
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
  /** Short for the project and its secret, in this isolate. */
  number: number;
}

let numbers = 0;
const projectKeys = new Map<string, ProjectKey>();
/** A device's events come one after the other: its hash is made once. By project's number, kind and id. */
const hashes = new Map<string, Uint8Array>();

/** Makes the entries of one project's ids. */
export class LedgerIds {
  readonly #key: Uint8Array;
  readonly #number: number;

  private constructor({ key, number }: ProjectKey) {
    this.#key = key;
    this.#number = number;
  }

  /** @returns null when there is no secret to make them with. */
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

/** Of an id as the release before this one named it in its calls and tables: 8 bytes. */
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

/** Entries as keys of a Map. */
export function entryKey(entry: Uint8Array): string {
  return String.fromCharCode(...entry);
}
