// Applies the ledger to events the shard does not open: from what the Worker claims of them to what must change. Pure, but for
// the look-up it is given. DESIGN E2, E6; how claims are made: collect/wrap.ts, what tables are: consent/table.ts.

import { ID_HASH_BYTES, packIds } from "@behaviour/contract";
import { LEDGER_STATES, UNKNOWN_STATE } from "../consent/table.ts";

/** Hashes of `anonymousId` and `userId`, side by side; zeros for one that an event does not name. */
export const SUBJECT_BYTES = 2 * ID_HASH_BYTES;

export interface ConsentClaim {
  /** Outcome codes by ledger state, `LEDGER_STATES` bytes a table. */
  tables: Uint8Array;
  /** Which table each event goes by. */
  tableOf: Uint8Array;
  /** The outcome each event was packed as. */
  packedAs: Uint8Array;
  /** `SUBJECT_BYTES` an event (nothing else looks into them); null while the Worker takes the ledger for empty. */
  subjects: Uint8Array | null;
}

export interface ConsentChange {
  /** Among the events of the claim. */
  index: number;
  /** The ledger's, for which the event's table has another outcome than it was packed as. */
  state: number;
}

/** `stateOf` gives the ledger's state for the ids of one event. */
export function consentChanges(claim: ConsentClaim, stateOf: (subject: Uint8Array) => number): ConsentChange[] {
  const changes: ConsentChange[] = [];
  for (let index = 0; index < claim.packedAs.length; index++) {
    const at = index * SUBJECT_BYTES;
    const state = claim.subjects === null ? UNKNOWN_STATE : stateOf(claim.subjects.subarray(at, at + SUBJECT_BYTES));
    const outcome = claim.tables[(claim.tableOf[index] as number) * LEDGER_STATES + state];
    if (outcome !== claim.packedAs[index]) changes.push({ index, state });
  }
  return changes;
}

/** Hash of an id under its kind, as the ledger files it (8 bytes). */
export function ledgerId(kind: "anonymousId" | "userId", id: string): Uint8Array {
  return packIds([`${kind}:${id}`]);
}

/** The previous release's append call has so many bytes of ids an event: two hashes of 8 bytes, zeros for none. */
export const VERSION_1_SUBJECT_BYTES = 2 * ID_HASH_BYTES;

/** What `ConsentClaim.subjects` holds for the ids of a version 1 call (append-call-1.ts). */
export function subjectsFromVersion1(subjects: Uint8Array): Uint8Array {
  return subjects;
}

/** The ids of a claim as a version 1 call carries them. */
export function subjectsForVersion1(claim: ConsentClaim): Uint8Array | null {
  return claim.subjects;
}
