// Decides which copy of a message counts if copies arrive through different shards at the same time. Each project has a log of
// registrations in DynamoDB. An entry is put at the next number on the condition that the number is free, so that all consumers
// see one order, and a consumer that appends has read every entry before. The first registered copy is the message. Every later
// copy is a duplicate, for every consumer and every call, before and after a crash.
//
// A tier registers a batch before it stores it. A crash in between leaves registrations whose events are delivered again (the
// stream repeats) and are found to be the owners.

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { EnrichedEvent } from "@behaviour/contract";
import { firstCopyFromMs, maySuspect } from "../suspect.ts";
import { ENTRY_MESSAGES_MAX, registryKey } from "./entry.ts";
import { findEntry, type RegisteredMessage } from "./find.ts";
import { RegistryLog } from "./log.ts";

/**
 * How far back every batch rereads the log. A duplicate of an event that is not marked as a suspect cannot be older than this.
 */
const RECENT_MS = 2 * 60_000;
/** Entries expire much later, so the end of a cached log cannot have expired. */
const KEPT_IDLE_MS = 3_600_000;
/**
 * Messages in the memory of one process, about 32 bytes each. It also bounds the search for suspects: a duplicate whose first
 * copy is further back than this number of messages is not recognized.
 */
const MESSAGES_MAX = 1_000_000;
const APPEND_TRIES = 50;

export interface RegistryOptions {
  dynamodb: DynamoDBClient;
  table: string;
  /** Keeps one tier's registrations apart from another's in the same table. */
  namespace: string;
  nowMs: () => number;
}

interface Kept {
  log: RegistryLog;
  usedAtMs: number;
}

export class MessageRegistry {
  readonly #options: RegistryOptions;
  readonly #kept = new Map<string, Kept>();
  /** The end of each project's queue. Claims run one at a time, or they would compete for the same number. */
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /**
   * Registers messages of one raw shard of one project, in order.
   * @returns the events that are duplicates of a message that was registered before them
   */
  async claim(project: string, events: readonly EnrichedEvent[]): Promise<Set<EnrichedEvent>> {
    if (events.length === 0) return new Set();
    const before = this.#queues.get(project) ?? Promise.resolve();
    const claimed = before.then(() => this.#claim(project, events));
    const settled = claimed.catch(() => {
      // The caller gets the fault. The next claim in the queue must not get it.
      this.#kept.delete(project);
    });
    this.#queues.set(project, settled);
    try {
      return await claimed;
    } finally {
      if (this.#queues.get(project) === settled) this.#queues.delete(project);
    }
  }

  /** The first registration of a message, or null if there is none since `fromMs`. */
  find(project: string, messageId: string, fromMs: number): Promise<RegisteredMessage | null> {
    const { dynamodb, table, namespace } = this.#options;
    return findEntry(dynamodb, table, registryKey(namespace, project), messageId, fromMs);
  }

  async #claim(project: string, events: readonly EnrichedEvent[]): Promise<Set<EnrichedEvent>> {
    const nowMs = this.#options.nowMs();
    const log = await this.#open(project, nowMs);
    let fromMs = nowMs - RECENT_MS;
    for (const event of events) if (maySuspect(event, nowMs)) fromMs = Math.min(fromMs, firstCopyFromMs(event));
    await log.readBack(fromMs, MESSAGES_MAX);
    const registered = await this.#register(log, events);
    const copies = new Set<EnrichedEvent>();
    for (const event of events) if (!registered.has(event) && log.isCopy(event)) copies.add(event);
    this.#forget(project);
    return copies;
  }

  /** @returns the events that were not registered before */
  async #register(log: RegistryLog, events: readonly EnrichedEvent[]): Promise<Set<EnrichedEvent>> {
    const registered = new Set<EnrichedEvent>();
    for (let tries = 0; tries < APPEND_TRIES; tries++) {
      const fresh = unregistered(log, events).slice(0, ENTRY_MESSAGES_MAX);
      if (fresh.length === 0) return registered;
      if (await log.append(fresh, this.#options.nowMs())) {
        for (const event of fresh) registered.add(event);
        if (fresh.length < ENTRY_MESSAGES_MAX) return registered;
      } else {
        await log.readForward();
      }
    }
    throw new Error("the message registry is too busy: other consumers append faster");
  }

  async #open(project: string, nowMs: number): Promise<RegistryLog> {
    const kept = this.#kept.get(project);
    if (kept !== undefined && nowMs - kept.usedAtMs < KEPT_IDLE_MS) {
      this.#kept.delete(project);
      this.#kept.set(project, { log: kept.log, usedAtMs: nowMs });
      return kept.log;
    }
    const { dynamodb, table, namespace } = this.#options;
    const log = new RegistryLog(dynamodb, table, registryKey(namespace, project));
    await log.readEnd();
    this.#kept.delete(project);
    this.#kept.set(project, { log, usedAtMs: nowMs });
    return log;
  }

  /** Keeps memory within its bound: the least recently used projects are dropped first, then the older half of this project. */
  #forget(current: string): void {
    let messages = 0;
    for (const { log } of this.#kept.values()) messages += log.messages;
    for (const [project, { log }] of this.#kept) {
      if (messages <= MESSAGES_MAX) return;
      messages -= log.messages;
      if (project === current) log.forgetOldest();
      else this.#kept.delete(project);
    }
  }
}

/** The events without a registration, each message once: the first of two copies in one batch is the message. */
function unregistered(log: RegistryLog, events: readonly EnrichedEvent[]): EnrichedEvent[] {
  const seen = new Set<string>();
  const fresh: EnrichedEvent[] = [];
  for (const event of events) {
    if (seen.has(event.messageId) || log.firstOwner(event.messageId) !== undefined) continue;
    seen.add(event.messageId);
    fresh.push(event);
  }
  return fresh;
}
