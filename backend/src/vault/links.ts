// Who takes over whose surrogate: a pure decision over the ids of one call, in the order of its events.
//
// A userId is one person. An anonymousId on whose first sight nobody was signed in is one too, until a *new* userId appears
// with it: that user takes over its surrogate, so the history continues. Every anonymousId can be taken over once only
// (`claimedBy`), by the first user seen with it, so a shared device never merges two users. Placeholders ("null", "guest" …)
// take over nothing, and one beside a usable anonymousId says nothing about the person at all.

import type { VaultId } from "./identifiers.ts";
import type { VaultEntry } from "./store.ts";

/** One id during one call; shared by all events that name it. */
export interface Slot {
  id: VaultId;
  /** Its partition key in the table. */
  key: string;
  entry: VaultEntry | null;
  readAtMs: number;
  /** An event names it in its own place, not only as somebody's former id, so it must have an entry. */
  isNamed: boolean;
  /** Of an anonymous id: the user who is to claim it. */
  claimant: Slot | null;
  /** Of a new user: the anonymous id whose surrogate it takes over, if the claim holds. */
  inherits: Slot | null;
}

/** The ids of one event. */
export interface Person {
  user: Slot | null;
  anonymous: Slot | null;
  group: Slot | null;
  /** A former id may be a user's or a device's: the client does not say. */
  previousUser: Slot | null;
  previousAnonymous: Slot | null;
  /** Neither userId nor anonymousId is a placeholder. */
  linkable: boolean;
  /** Neither userId nor previousId is a placeholder, and they differ. */
  aliasable: boolean;
}

/** Sets `claimant` and `inherits`. Entries must have been loaded. */
export function planLinks(people: readonly Person[]): void {
  for (const { user, anonymous, linkable } of people) {
    if (!linkable || user === null || anonymous === null) continue;
    const claimedBy = anonymous.entry?.claimedBy ?? null;
    if (claimedBy === null) anonymous.claimant ??= user;
    // A claim that already stands is one whose second step was cut off by a crash.
    const isItsUser = claimedBy === null ? anonymous.claimant === user : claimedBy === user.key;
    if (user.entry === null && isItsUser) user.inherits ??= anonymous;
  }
  // After the sign-ins: who was seen at the device has it before who only names it.
  for (const { user, previousUser, previousAnonymous, aliasable } of people) {
    if (!aliasable || user === null || previousAnonymous === null || (previousUser?.entry ?? null) !== null) continue;
    if ((previousAnonymous.entry?.claimedBy ?? null) === null) previousAnonymous.claimant ??= user;
  }
}
