/**
 * Decides when events are sent: by number, by time, on demand, again after a fault, and by beacon when the page is left.
 * One request is in progress at a time. An event leaves the queue when the collector has stored or refused it, or when the
 * browser accepted it as a beacon while the collector was answering.
 */
import { LIMITS } from "./limits.ts";
import type { AnalyticsError } from "./message.ts";
import type { EventQueue, QueuedEvent } from "./queue.ts";
import type { Rejection, SendOutcome, Transport } from "./transport.ts";

export interface DeliverySettings {
  writeKey: string;
  flushAtEvents: number;
  flushIntervalMs: number;
  onError: (error: AnalyticsError) => void;
  onDelivered: (messageIds: string[]) => void;
}

interface FlushWaiter {
  readonly sequence: number;
  readonly resolve: (complete: boolean) => void;
}

export class Delivery {
  readonly #queue: EventQueue;
  readonly #transport: Transport;
  readonly #settings: DeliverySettings;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending = false;
  #closed = false;
  /** Number of consecutive faults. */
  #failureCount = 0;
  /** The collector asked not to be called before this time. */
  #notBeforeMs = 0;
  #waiters: FlushWaiter[] = [];

  constructor(queue: EventQueue, transport: Transport, settings: DeliverySettings) {
    this.#queue = queue;
    this.#transport = transport;
    this.#settings = settings;
  }

  /** Call this after an event was queued. */
  wake(): void {
    if (this.#closed || this.#sending || this.#queue.size === 0) return;
    const full = this.#queue.size >= this.#settings.flushAtEvents;
    if (full && this.#failureCount === 0) this.#sendNow();
    else this.#schedule(this.#settings.flushIntervalMs);
  }

  /**
   * Sends all queued events now. Resolves to true when each of these events is stored, refused or handed to the browser.
   * Resolves to false after `timeoutMs`; the remaining events stay queued and are retried.
   */
  flush(timeoutMs: number): Promise<boolean> {
    const sequence = this.#queue.newestSequence;
    if (this.#queue.isDoneUpTo(sequence)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settleWaiter(waiter, false), timeoutMs);
      const waiter: FlushWaiter = {
        sequence,
        resolve: (complete) => {
          clearTimeout(timer);
          resolve(complete);
        },
      };
      this.#waiters.push(waiter);
      this.retryNow();
    });
  }

  /** Retries immediately instead of waiting for the backoff to end, unless the collector named a time. */
  retryNow(): void {
    if (!this.#sending && Date.now() >= this.#notBeforeMs) this.#sendNow();
  }

  /** Hands all queued events to the browser, which sends them even after the page has closed. */
  sendByBeacon(): void {
    // Offline, the browser accepts a beacon and loses it. Queued events stay in storage for the next page.
    if (typeof navigator === "undefined" || navigator.onLine === false) return;
    for (const events of this.#queue.chunks(LIMITS.maxBatchEvents, LIMITS.maxBeaconBytes - envelopeBytes)) {
      if (this.#transport.beacon(this.#body(events))) this.#handOver(events);
      else void this.#send(events).then(() => this.wake());
    }
    this.#settleWaiters();
  }

  /** Stops all timers. Nothing is sent after this, and queued events stay in storage. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const waiter of this.#waiters) this.#settleWaiter(waiter, false);
  }

  /** A failing collector may lose a beacon unnoticed. Then the event stays queued and is sent again; it counts once. */
  #handOver(events: QueuedEvent[]): void {
    if (this.#failureCount === 0) this.#queue.remove(events);
    else for (const event of events) event.attempts++;
  }

  #schedule(delayMs: number): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#sendNow(), delayMs);
  }

  #sendNow(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#sending && !this.#closed) void this.#drain();
  }

  /** Sends one batch, and more batches while at least `flushAtEvents` events are queued or a flush is waiting. */
  async #drain(): Promise<void> {
    this.#sending = true;
    try {
      do {
        const events = this.#queue.oldest(LIMITS.maxBatchEvents, LIMITS.maxBatchBytes - envelopeBytes);
        if (events.length === 0) break;
        const outcome = await this.#send(events);
        if (outcome.kind === "retry") return this.#backOff(outcome.retryAfterMs);
        this.#failureCount = 0;
      } while (!this.#closed && (this.#waiters.length > 0 || this.#queue.size >= this.#settings.flushAtEvents));
    } finally {
      this.#sending = false;
    }
    this.wake();
  }

  async #send(events: QueuedEvent[]): Promise<SendOutcome> {
    const body = this.#body(events);
    const byteCount = events.reduce((sum, event) => sum + event.byteCount + 1, envelopeBytes);
    const retryCount = Math.max(...events.map((event) => event.attempts));
    const outcome = await this.#transport.send(body, byteCount, retryCount);
    if (outcome.kind === "retry") for (const event of events) event.attempts++;
    else this.#settle(events, outcome);
    return outcome;
  }

  #settle(events: QueuedEvent[], outcome: Exclude<SendOutcome, { kind: "retry" }>): void {
    this.#queue.remove(events);
    const lost = new Set<QueuedEvent>();
    for (const rejection of outcome.rejected) {
      const event = events[rejection.index];
      if (!event) continue;
      lost.add(event);
      this.#settings.onError(rejectionError(event, rejection));
    }
    const others = events.filter((event) => !lost.has(event)).map((event) => event.messageId);
    if (others.length > 0) {
      if (outcome.kind === "delivered") this.#settings.onDelivered(others);
      else {
        const { message, status } = outcome;
        this.#settings.onError({ code: "batch_refused", message, messageIds: others, status });
      }
    }
    this.#settleWaiters();
  }

  /** Exponential backoff with full jitter, and never earlier than the collector asked for. */
  #backOff(retryAfterMs: number | undefined): void {
    const capMs = Math.min(LIMITS.maxRetryDelayMs, LIMITS.minRetryDelayMs * 2 ** this.#failureCount);
    this.#failureCount++;
    const jitterMs = Math.random() * capMs;
    this.#notBeforeMs = retryAfterMs === undefined ? 0 : Date.now() + retryAfterMs;
    this.#schedule((retryAfterMs ?? 0) + jitterMs);
  }

  #body(events: QueuedEvent[]): string {
    const { writeKey } = this.#settings;
    const tail = JSON.stringify({ sentAt: new Date().toISOString(), writeKey });
    return `{"batch":[${events.map((event) => event.json).join(",")}],${tail.slice(1)}`;
  }

  #settleWaiters(): void {
    for (const waiter of this.#waiters) {
      if (this.#queue.isDoneUpTo(waiter.sequence)) this.#settleWaiter(waiter, true);
    }
  }

  #settleWaiter(waiter: FlushWaiter, complete: boolean): void {
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
    waiter.resolve(complete);
  }
}

/** Upper bound for the bytes around the events of a body: `batch`, `sentAt` and a write key. */
const envelopeBytes = 256;

function rejectionError(event: QueuedEvent, { code, message }: Rejection): AnalyticsError {
  return { code: "event_rejected", message: `${code}: ${message}`, messageIds: [event.messageId] };
}
