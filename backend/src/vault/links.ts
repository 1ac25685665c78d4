// Decides which user takes over which surrogate, from the ids of one call, in the order of its events. Pure.
//
// A userId is one person. An anonymousId that is first seen without a signed-in user is a person too, until a *new* userId
// appears with it. That user takes over its surrogate, so the history continues. Each anonymousId can be taken over only once
// (`claimedBy`), by the first user seen with it, so a shared device never merges two users. A placeholder ("null", "guest" …)
// takes over nothing. A placeholder beside a usable anonymousId says nothing about the person.

import type { VaultId } from "./identifiers.ts";
import type { VaultEntry } from "./store.ts";

/** One id during one call. All events that name the id share the slot. */
export interface Slot {
  id: VaultId;
  /** Its partition key in the table. */
  key: string;
  entry: VaultEntry | null;
  readAtMs: number;
  /** Whether an event names the id as its own, not only as a former id. Then the id must have an entry. */
  isNamed: boolean;
  /** For an anonymous id: the user who is to claim it. */
  claimant: Slot | null;
  /** For a new user: the anonymous id whose surrogate the user takes over, if the claim holds. */
  inherits: Slot | null;
}

/** The ids of one event. */
export interface Person {
  user: Slot | null;
  anonymous: Slot | null;
  group: Slot | null;
  /** A former id may belong to a user or a device. The client does not say which. */
  previousUser: Slot | null;
  previousAnonymous: Slot | null;
  /** Neither userId nor anonymousId is a placeholder. */
  linkable: boolean;
  /** Neither userId nor previousId is a placeholder, they differ, and the sender may name the former id. */
  aliasable: boolean;
}

/** Sets `claimant` and `inherits`. Entries must have been loaded. */
export function planLinks(people: readonly Person[]): void {
  for (const { user, anonymous, linkable } of people) {
    if (!linkable || user === null || anonymous === null) continue;
    const claimedBy = anonymous.entry?.claimedBy ?? null;
    if (claimedBy === null) anonymous.claimant ??= user;
    // If the new user's claim is already stored, a crash prevented the second step.
    const isItsUser = claimedBy === null ? anonymous.claimant === user : claimedBy === user.key;
    if (user.entry === null && isItsUser) user.inherits ??= anonymous;
  }
  // Aliases come after sign-ins: a user who was seen on the device has priority over a user who only names it.
  for (const { user, previousUser, previousAnonymous, aliasable } of people) {
    if (!aliasable || user === null || previousAnonymous === null || (previousUser?.entry ?? null) !== null) continue;
    if ((previousAnonymous.entry?.claimedBy ?? null) === null) previousAnonymous.claimant ??= user;
  }
}
