// Packs the ids that an event names in the form of the shard's copy of the ledger. An event is judged by all its ids.
// docs/API_DOCUMENTATION.md#consent.

import { concatBytes } from "@behaviour/contract";
import { type IdKind, type LedgerIds, legacyEntryOf } from "../ledger/entry.ts";
import { packSubjects, version1Subject } from "../shard/consent-claim.ts";

/** Ids as sent: a text or a number. Any other value counts as a missing id. */
export interface NamedIds {
  anonymousId?: unknown;
  userId?: unknown;
  previousId?: unknown;
  groupId?: unknown;
}

export function namedIds({ anonymousId, userId, previousId, groupId }: NamedIds): NamedIds {
  return { anonymousId, userId, previousId, groupId };
}

export interface Naming {
  ids: LedgerIds;
  /** Each entry is followed by the id's old name, because the ledger holds records of the previous release. */
  withLegacy: boolean;
}

/** The previous id of an alias may be that of a device or of a user. A group is recorded like a user. */
const KINDS: readonly (readonly [name: keyof NamedIds, kind: IdKind])[] = [
  ["anonymousId", "anonymousId"],
  ["userId", "userId"],
  ["previousId", "anonymousId"],
  ["previousId", "userId"],
  ["groupId", "userId"],
];

export function subjectsOf(events: readonly NamedIds[], { ids, withLegacy }: Naming): Uint8Array {
  const entries = events.map((event) => {
    const own: Uint8Array[] = [];
    for (const [name, kind] of KINDS) {
      const id = textOf(event[name]);
      if (id === null) continue;
      own.push(ids.entry(kind, id));
      if (withLegacy) own.push(legacyEntryOf(kind, id));
    }
    return own;
  });
  return packSubjects(entries);
}

/** For a shard that still runs the previous release. */
export function oldSubjectsOf(events: readonly NamedIds[]): Uint8Array {
  return concatBytes(events.map(({ anonymousId, userId }) => version1Subject(textOf(anonymousId), textOf(userId))));
}

function textOf(id: unknown): string | null {
  return typeof id === "string" || typeof id === "number" ? String(id) : null;
}
