// Applies the ledger to events that the shard does not unpack: it compares the Worker's claims with the ledger and finds the
// necessary changes. Pure, except for the look-up that is passed in. E2, E6. collect/wrap.ts makes the claims. consent/table.ts
// describes the tables.

import { ID_HASH_BYTES, packIds } from "@behaviour/contract";
import { LEDGER_STATES, outcomeCode, UNKNOWN_STATE } from "../consent/table.ts";
import { ENTRY_BYTES, legacyEntry } from "../ledger/entry.ts";

/**
 * Not an outcome, so the shard finds a change whatever its ledger says: it stores nothing and answers with the state. An append
 * of such events has no data. The content of an event that will probably be dropped is not sent before the shard's answer allows
 * it.
 */
export const NOT_PACKED = 0xff;

export interface ConsentClaim {
  /** Outcome codes by ledger state, `LEDGER_STATES` bytes per table. */
  tables: Uint8Array;
  /** The table of each event. */
  tableOf: Uint8Array;
  /** The outcome that each event was packed as; `NOT_PACKED` for an event that the Worker only asks about. */
  packedAs: Uint8Array;
  /** The ledger's entries of each event's ids (`packSubjects`); null while the Worker assumes that the ledger is unused. */
  subjects: Uint8Array | null;
  /** In the Worker only: the same ids for a shard of the previous release. */
  oldSubjects?: () => Uint8Array;
}

export interface ConsentChange {
  /** The event's index in the claim. */
  index: number;
  /** The ledger's state. In this state the event's table has another outcome than the event was packed as. */
  state: number;
}

/** `stateOf` gives the ledger's state for the entries of one event. */
export function consentChanges(claim: ConsentClaim, stateOf: (entries: Uint8Array) => number): ConsentChange[] {
  const changes: ConsentChange[] = [];
  const entries = claim.subjects === null ? null : entriesOf(claim.subjects);
  for (let index = 0; index < claim.packedAs.length; index++) {
    const own = entries?.next();
    if (own?.done) throw new Error("a claim without the ids of all its events");
    const state = own === undefined ? UNKNOWN_STATE : stateOf(own.value);
    const outcome = claim.tables[(claim.tableOf[index] as number) * LEDGER_STATES + state];
    if (outcome !== claim.packedAs[index]) changes.push({ index, state });
  }
  return changes;
}

/** How many of the changes drop their event. A dropped event is not sent again. */
export function droppedIn(claim: ConsentClaim, changes: readonly ConsentChange[]): number {
  const drop = outcomeCode("drop");
  const isDropped = ({ index, state }: ConsentChange) =>
    claim.tables[(claim.tableOf[index] as number) * LEDGER_STATES + state] === drop;
  return changes.filter(isDropped).length;
}

/** Packs the entries of events, in order. Each event has its number of entries in one byte, then the entries. */
export function packSubjects(events: readonly (readonly Uint8Array[])[]): Uint8Array {
  let length = 0;
  for (const entries of events) length += 1 + entries.length * ENTRY_BYTES;
  const packed = new Uint8Array(length);
  let at = 0;
  for (const entries of events) {
    packed[at++] = entries.length;
    for (const entry of entries) {
      packed.set(entry, at);
      at += ENTRY_BYTES;
    }
  }
  return packed;
}

/** Yields the entries of each event, side by side. @throws when the bytes end within an event. */
export function* entriesOf(subjects: Uint8Array): Generator<Uint8Array, undefined> {
  for (let at = 0; at < subjects.byteLength; ) {
    const start = at + 1;
    at = start + (subjects[at] as number) * ENTRY_BYTES;
    if (at > subjects.byteLength) throw new Error("ids of events that break off");
    yield subjects.subarray(start, at);
  }
  return undefined;
}

/** Bytes of ids per event in the previous release's append call: two hashes of 8 bytes, zeros for no id. */
export const VERSION_1_SUBJECT_BYTES = 2 * ID_HASH_BYTES;

/** Converts the ids of a version 1 call (append-call-1.ts) to the form of `ConsentClaim.subjects`. */
export function subjectsFromVersion1(subjects: Uint8Array): Uint8Array {
  const events: Uint8Array[][] = [];
  for (let at = 0; at < subjects.byteLength; at += VERSION_1_SUBJECT_BYTES) {
    const middle = at + ID_HASH_BYTES;
    const hashes = [subjects.subarray(at, middle), subjects.subarray(middle, at + VERSION_1_SUBJECT_BYTES)];
    events.push(hashes.filter((hash) => hash.some((byte) => byte !== 0)).map(legacyEntry));
  }
  return packSubjects(events);
}

/** The ids of a claim in the form of a version 1 call. */
export function subjectsForVersion1(claim: ConsentClaim): Uint8Array | null {
  return claim.subjects === null ? null : (claim.oldSubjects?.() ?? null);
}

/** @returns the ids of one event in the form of a version 1 call. */
export function version1Subject(anonymousId: string | null, userId: string | null): Uint8Array {
  const subject = new Uint8Array(VERSION_1_SUBJECT_BYTES);
  if (anonymousId !== null) subject.set(packIds([`anonymousId:${anonymousId}`]));
  if (userId !== null) subject.set(packIds([`userId:${userId}`]), ID_HASH_BYTES);
  return subject;
}
