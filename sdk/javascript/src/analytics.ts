/**
 * Contains the library's only class. A call creates an event, adds the device, the page and the session, and queues the
 * event. The event is then sent to the collector in a batch (delivery.ts). No call throws, waits for the network or needs
 * awaiting.
 */
import { collectContext, currentPage, mergeContext } from "./context.ts";
import { Delivery } from "./delivery.ts";
import { Identity } from "./identity.ts";
import { type Lifecycle, watchLifecycle } from "./lifecycle.ts";
import { LIMITS } from "./limits.ts";
import type { AnalyticsErrorCode, JsonObject, Message, MessageOptions, MessageType } from "./message.ts";
import { type AnalyticsOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { EventQueue } from "./queue.ts";
import { SafeStorage } from "./storage.ts";
import { Transport } from "./transport.ts";
import { uuid } from "./uuid.ts";

/**
 * ```js
 * const analytics = new Analytics("pk_live_…", { host: "https://events.example.com" });
 * analytics.page();
 * analytics.track("Order Completed", { revenue: 99.9, currency: "EUR" });
 * ```
 */
export class Analytics {
  readonly #options: ResolvedOptions;
  readonly #identity: Identity;
  readonly #queue: EventQueue;
  readonly #delivery: Delivery;
  readonly #lifecycle: Lifecycle;

  /**
   * @param writeKey the project's public key, `pk_…` (on a server a secret key works, too)
   * @throws TypeError if the key is missing, the host is not an http(s) address, or a secret key is used in a browser
   */
  constructor(writeKey: string, options: AnalyticsOptions) {
    this.#options = resolveOptions(writeKey, options);
    const { host, namespace, storage, maxQueueEvents, onError } = this.#options;
    const safeStorage = new SafeStorage(storage);
    this.#identity = new Identity(safeStorage, namespace);
    // The key is part of the prefix: events of one project must not be sent with the key of another.
    this.#queue = new EventQueue(safeStorage, `${namespace}.queue.${writeKey}.`, maxQueueEvents, (lost) => {
      const messageIds = lost.map((event) => event.messageId);
      onError({ code: "queue_full", message: `more than ${maxQueueEvents} events wait`, messageIds });
    });
    this.#delivery = new Delivery(this.#queue, new Transport(host, this.#options.fetch), {
      ...this.#options,
      writeKey,
    });
    this.#lifecycle = watchLifecycle({
      onHidden: () => this.#delivery.sendByBeacon(),
      onResumed: () => this.#delivery.retryNow(),
    });
    this.#queue.restore();
    this.#delivery.wake();
  }

  /** This device's id: random, kept in storage, new after `reset`. */
  get anonymousId(): string {
    return this.#identity.anonymousId;
  }

  /** The signed-in user named by `identify`; undefined before that call and after `reset`. */
  get userId(): string | undefined {
    return this.#identity.userId;
  }

  /** Records something a person did. Returns the event's messageId, which identifies the event in every stage. */
  track(event: string, properties: JsonObject = {}, options: MessageOptions = {}): string {
    return this.#enqueue("track", { event, properties }, options);
  }

  /** Records a page view. Adds address, path, title and referrer; `properties` overrides them. Returns the messageId. */
  page(name?: string, properties: JsonObject = {}, options: MessageOptions = {}): string {
    const fields: Partial<Message> = { properties: { ...currentPage(), ...properties } };
    if (name !== undefined) fields.name = name;
    return this.#enqueue("page", fields, options);
  }

  /** Names the person for this and later events (see `rememberIdentity`) and sets traits. Returns the messageId. */
  identify(userId: string, traits: JsonObject = {}, options: MessageOptions = {}): string {
    if (this.#options.rememberIdentity) this.#identity.rememberUser(userId);
    return this.#enqueue("identify", { traits }, { ...options, userId });
  }

  /** Names the company or team that the person belongs to. Returns the messageId. */
  group(groupId: string, traits: JsonObject = {}, options: MessageOptions = {}): string {
    if (this.#options.rememberIdentity) this.#identity.rememberGroup(groupId);
    return this.#enqueue("group", { groupId, traits }, options);
  }

  /** States that `userId` and `previousId` (default: the current id) are the same person. Returns the messageId. */
  alias(userId: string, previousId?: string, options: MessageOptions = {}): string {
    const known = previousId ?? this.#identity.userId ?? this.#identity.anonymousId;
    return this.#enqueue("alias", { previousId: known }, { ...options, userId });
  }

  /**
   * Sends all queued events now. Resolves to true when each of these events was stored, refused (and reported) or handed
   * to the browser. Resolves to false after `timeoutMs` (10,000 by default); the remaining events stay queued and are
   * retried.
   */
  flush(timeoutMs: number = LIMITS.flushTimeoutMs): Promise<boolean> {
    return this.#delivery.flush(timeoutMs);
  }

  /** Forgets user, group, session and device, for example at sign-out. Existing events keep their ids. */
  reset(): void {
    this.#identity.reset();
  }

  /**
   * Flushes, then stops every timer and listener; for servers that shut down. Resolves like `flush`. With 0 nothing is
   * sent, and queued events stay in storage if there is a storage.
   */
  async close(timeoutMs: number = LIMITS.flushTimeoutMs): Promise<boolean> {
    const complete = timeoutMs > 0 ? await this.#delivery.flush(timeoutMs) : this.#queue.size === 0;
    this.#lifecycle.stop();
    this.#delivery.close();
    return complete;
  }

  #enqueue(type: MessageType, fields: Partial<Message>, options: MessageOptions): string {
    const nowMs = Date.now();
    const messageId = options.messageId ?? uuid();
    let json: string;
    try {
      const context = this.#context(nowMs, options);
      const timestamp = timestampOf(options.timestamp, nowMs);
      const message: Message = { type, messageId, timestamp, ...this.#ids(type, options), ...fields, context };
      if (options.integrations) message.integrations = options.integrations;
      json = JSON.stringify(message);
    } catch (error) {
      return this.#lose("event_not_json", error instanceof Error ? error.message : String(error), messageId);
    }
    // UTF-8 needs at least a byte per UTF-16 unit, so this never refuses an event that the collector would accept.
    if (json.length > LIMITS.maxEventBytes) {
      return this.#lose("event_too_large", `${json.length} bytes, at most ${LIMITS.maxEventBytes}`, messageId);
    }
    this.#queue.push(messageId, json, nowMs);
    if (this.#lifecycle.isLeaving) this.#delivery.sendByBeacon();
    else this.#delivery.wake();
    return messageId;
  }

  #lose(code: AnalyticsErrorCode, message: string, messageId: string): string {
    this.#options.onError({ code, message, messageIds: [messageId] });
    return messageId;
  }

  /** The ids of the call, or the remembered ids if the call has no id. `identify` and `alias` also add the device's id. */
  #ids(type: MessageType, options: MessageOptions): Partial<Message> {
    const ids: Partial<Message> = {};
    const links = type === "identify" || type === "alias";
    const stateful = this.#options.rememberIdentity;
    const given = options.userId !== undefined || options.anonymousId !== undefined;
    const userId = given ? options.userId : stateful ? this.#identity.userId : undefined;
    if (userId !== undefined) ids.userId = userId;
    const useDevice = !given || (links && stateful);
    const anonymousId = options.anonymousId ?? (useDevice ? this.#identity.anonymousId : undefined);
    if (anonymousId !== undefined) ids.anonymousId = anonymousId;
    return ids;
  }

  #context(nowMs: number, options: MessageOptions): JsonObject {
    const context = collectContext();
    if (this.#options.rememberIdentity) {
      context.sessionId = this.#identity.touchSession(nowMs);
      const { groupId } = this.#identity;
      if (groupId !== undefined) context.groupId = groupId;
    }
    return options.context ? mergeContext(context, options.context) : context;
  }
}

function timestampOf(timestamp: Date | string | undefined, nowMs: number): string {
  if (typeof timestamp === "string") return timestamp;
  return (timestamp ?? new Date(nowMs)).toISOString();
}
