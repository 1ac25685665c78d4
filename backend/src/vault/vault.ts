// Resolves the ids that events name to surrogates, and creates entries for new ids. E10. links.ts decides which ids are one
// person.
//
// Two invocations may meet the same ids at once. Every step is a conditional write of one item, so both end with the item that
// was written first. A crash between two steps leaves a claim, which the same user's next event completes.

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { isPlaceholder } from "@behaviour/contract";
import { BoundedCache } from "../bounded-cache.ts";
import type { IdentityEdge } from "./edges.ts";
import { memoryKey, type VaultId, type VaultIdKind, vaultKey } from "./identifiers.ts";
import { type Person, planLinks, type Slot } from "./links.ts";
import { newSurrogate, type VaultEntry, VaultStore } from "./store.ts";

/** The ids that an event names, as text. */
export interface EventIds {
  project: string;
  userId: string | null;
  anonymousId: string | null;
  groupId: string | null;
  previousId: string | null;
  /** Id of the secret key that sent the event; null for a public key, which every visitor knows. */
  vouchedBy: string | null;
}

/** Surrogates, 32 hex digits each. */
export interface Subjects {
  subject: string;
  anonymousSubject: string | null;
  groupSubject: string | null;
  previousSubject: string | null;
  /** The identity links that the event states, if they hold and join two surrogates. Absent for nearly every event. */
  edges?: IdentityEdge[];
}

const CACHE_ENTRIES = 50_000;
/** How long an erased id may still resolve to its former surrogate in a warm process. */
const CACHE_MS = 5 * 60_000;
const WRITES_AT_ONCE = 32;

interface Remembered {
  key: string;
  entry: VaultEntry;
  readAtMs: number;
}

export class Vault {
  readonly #store: VaultStore;
  readonly #hmacKey: string;
  readonly #nowMs: () => number;
  readonly #cache = new BoundedCache<Remembered>(CACHE_ENTRIES);

  constructor(dynamodb: DynamoDBClient, hmacKey: string, nowMs: () => number = Date.now) {
    this.#store = new VaultStore(dynamodb, nowMs);
    this.#nowMs = nowMs;
    this.#hmacKey = hmacKey;
  }

  /** One answer per event, in order. @throws only an infrastructure fault; calling again is safe. */
  async resolve(events: readonly EventIds[]): Promise<Subjects[]> {
    const slots = new Map<string, Slot>();
    const people = events.map((event) => this.#personOf(event, slots));
    await this.#load(slots);
    planLinks(people);
    const named = [...slots.values()].filter((slot) => slot.isNamed);
    // Devices come before users, who may take over a device's surrogate. Former ids come last, when their kind is known.
    await inParallel(named, (slot) => (slot.id.kind === "user" ? undefined : this.#settleDeviceOrGroup(slot)));
    await inParallel(named, (slot) => (slot.id.kind === "user" ? this.#settleUser(slot) : undefined));
    await inParallel([...slots.values()], (slot) => this.#settleFormer(slot, slots));
    for (const [name, { key, entry, readAtMs }] of slots) {
      if (entry !== null) this.#cache.set(name, { key, entry, readAtMs });
    }
    return people.map((person, index) => withEdges(events[index] as EventIds, person, subjectsOf(person)));
  }

  #personOf(
    { project, userId, anonymousId, groupId, previousId, vouchedBy }: EventIds,
    slots: Map<string, Slot>,
  ): Person {
    const userIsUsable = userId !== null && !isPlaceholder(userId);
    const anonymousIsUsable = anonymousId !== null && !isPlaceholder(anonymousId);
    const isPersonOfUser = userIsUsable || !anonymousIsUsable;
    // A visitor may name any id. Without a secret key an event speaks for its own device only, or it could take over anybody's.
    const mayName = vouchedBy !== null || previousId === anonymousId;
    const slot = (kind: VaultIdKind, id: string | null, isNamed: boolean) =>
      id === null ? null : this.#slot({ project, kind, id }, isNamed, slots);
    return {
      user: isPersonOfUser ? slot("user", userId, true) : null,
      anonymous: slot("anonymous", anonymousId, true),
      group: slot("group", groupId, true),
      previousUser: slot("user", previousId, false),
      previousAnonymous: slot("anonymous", previousId, false),
      linkable: userIsUsable && anonymousIsUsable,
      aliasable: userIsUsable && previousId !== null && previousId !== userId && !isPlaceholder(previousId) && mayName,
    };
  }

  #slot(id: VaultId, isNamed: boolean, slots: Map<string, Slot>): Slot {
    const name = memoryKey(id);
    let slot = slots.get(name);
    if (slot === undefined) {
      slot = this.#freshSlot(id, this.#cache.get(name));
      slots.set(name, slot);
    }
    if (isNamed) slot.isNamed = true;
    return slot;
  }

  #freshSlot(id: VaultId, remembered: Remembered | undefined): Slot {
    const nowMs = this.#nowMs();
    const isValid = remembered !== undefined && nowMs - remembered.readAtMs < CACHE_MS;
    return {
      id,
      key: remembered?.key ?? vaultKey(this.#hmacKey, id),
      entry: isValid ? remembered.entry : null,
      readAtMs: isValid ? remembered.readAtMs : nowMs,
      isNamed: false,
      claimant: null,
      inherits: null,
    };
  }

  async #load(slots: Map<string, Slot>): Promise<void> {
    const missing = [...slots.values()].filter((slot) => slot.entry === null);
    if (missing.length === 0) return;
    const entries = await this.#store.read(missing.map((slot) => slot.key));
    for (const slot of missing) slot.entry = entries.get(slot.key) ?? null;
  }

  async #settleDeviceOrGroup(slot: Slot): Promise<void> {
    const claimedBy = slot.claimant?.key ?? null;
    slot.entry ??= await this.#create(slot, newSurrogate(), claimedBy);
    if (claimedBy === null || slot.entry.claimedBy !== null) return;
    if (await this.#store.claim(slot.key, claimedBy)) {
      slot.entry = { ...slot.entry, claimedBy };
      return;
    }
    // Another user claimed it first, or the entry was just erased. The next event after the cache expires creates it again.
    slot.entry = (await this.#store.read([slot.key])).get(slot.key) ?? slot.entry;
  }

  async #settleUser(slot: Slot): Promise<void> {
    if (slot.entry !== null) return;
    const device = slot.inherits?.entry;
    const surrogate = device?.claimedBy === slot.key ? device.surrogate : newSurrogate();
    slot.entry = await this.#create(slot, surrogate, null);
  }

  /**
   * A former id that is used neither as a user's nor as a device's id is stored as a device's id, because libraries send a
   * device's id as the former id. An alias assigns the device as a sign-in does: to the first user only.
   */
  async #settleFormer(slot: Slot, slots: Map<string, Slot>): Promise<void> {
    if (slot.isNamed || slot.id.kind !== "anonymous") return;
    const asUser = slots.get(memoryKey({ ...slot.id, kind: "user" }));
    if (asUser?.entry === null) await this.#settleDeviceOrGroup(slot);
  }

  #create(slot: Slot, surrogate: string, claimedBy: string | null): Promise<VaultEntry> {
    return this.#store.create({ key: slot.key, kind: slot.id.kind, surrogate, claimedBy });
  }
}

function subjectsOf({ user, anonymous, group, previousUser, previousAnonymous }: Person): Subjects {
  const anonymousSubject = anonymous?.entry?.surrogate ?? null;
  const subject = user?.entry?.surrogate ?? anonymousSubject;
  if (subject === null) throw new Error("vault: an event without userId and anonymousId was not refused before");
  return {
    subject,
    anonymousSubject,
    groupSubject: group?.entry?.surrogate ?? null,
    previousSubject: previousUser?.entry?.surrogate ?? previousAnonymous?.entry?.surrogate ?? null,
  };
}

function withEdges(event: EventIds, person: Person, subjects: Subjects): Subjects {
  const { project, vouchedBy } = event;
  const { user, anonymous, previousUser, previousAnonymous } = person;
  if (user === null) return subjects;
  const { subject: to, anonymousSubject } = subjects;
  const edges: IdentityEdge[] = [];
  const isItsUser = (device: Slot | null) => device?.entry?.claimedBy === user.key;
  if (person.linkable && anonymousSubject !== null && anonymousSubject !== to && isItsUser(anonymous)) {
    edges.push({ project, kind: "identify", from: anonymousSubject, to, vouchedBy });
  }
  // Two users are joined by a secret key only.
  const former = vouchedBy === null ? null : (previousUser?.entry ?? null);
  const from = (former ?? (isItsUser(previousAnonymous) ? previousAnonymous?.entry : null))?.surrogate ?? null;
  if (person.aliasable && from !== null && from !== to) edges.push({ project, kind: "alias", from, to, vouchedBy });
  return edges.length === 0 ? subjects : { ...subjects, edges };
}

/** At most `WRITES_AT_ONCE` calls are in progress. The first fault ends the run. */
async function inParallel(slots: readonly Slot[], settle: (slot: Slot) => Promise<void> | undefined): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let slot = slots[next++]; slot !== undefined; slot = slots[next++]) {
      const settled = settle(slot);
      if (settled !== undefined) await settled;
    }
  };
  await Promise.all(Array.from({ length: Math.min(WRITES_AT_ONCE, slots.length) }, worker));
}
