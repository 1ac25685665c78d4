/**
 * Queues events between the caller and the collector, oldest first. Each event is one entry in storage, written when the
 * event is created and removed when it is delivered or permanently lost. So a reload, a crash or a day offline loses no
 * event, the cost of a write does not grow with the queue, and tabs do not overwrite each other's events. Two tabs may send
 * the same event; the collector counts it once.
 */
import type { SafeStorage } from "./storage.ts";

export interface QueuedEvent {
  readonly messageId: string;
  /** The event in the form in which it is sent. */
  readonly json: string;
  readonly byteCount: number;
  /** Increases by one per event within a queue. */
  readonly sequence: number;
  readonly storageKey: string;
  /** How often the event was sent without a final answer. */
  attempts: number;
}

const encoder = new TextEncoder();

export class EventQueue {
  readonly #storage: SafeStorage;
  readonly #prefix: string;
  readonly #maxEvents: number;
  /** Called with the dropped events. A dropped event that was being sent may still have been delivered. */
  readonly #onOverflow: (lost: QueuedEvent[]) => void;
  #events: QueuedEvent[] = [];
  #nextSequence = 1;

  constructor(storage: SafeStorage, prefix: string, maxEvents: number, onOverflow: (lost: QueuedEvent[]) => void) {
    this.#storage = storage;
    this.#prefix = prefix;
    this.#maxEvents = maxEvents;
    this.#onOverflow = onOverflow;
  }

  get size(): number {
    return this.#events.length;
  }

  /** Sequence of the newest event ever queued; 0 before the first. */
  get newestSequence(): number {
    return this.#nextSequence - 1;
  }

  /** True if no event up to and including `sequence` is queued. */
  isDoneUpTo(sequence: number): boolean {
    const oldest = this.#events[0];
    return oldest === undefined || oldest.sequence > sequence;
  }

  push(messageId: string, json: string, nowMs: number): void {
    const sequence = this.#nextSequence++;
    const order = `${nowMs.toString(36).padStart(9, "0")}.${sequence.toString(36).padStart(6, "0")}`;
    const event = this.#event(messageId, json, sequence, `${this.#prefix}${order}.${messageId}`, 0);
    this.#events.push(event);
    this.#storage.set(event.storageKey, json);
    this.#makeRoom();
  }

  /** Loads the events of earlier pages. Such an event may have been sent already, so it starts with one attempt. */
  restore(): void {
    for (const storageKey of this.#storage.keys(this.#prefix)) {
      const json = this.#storage.get(storageKey);
      const messageId = storageKey.slice(this.#prefix.length).split(".").slice(2).join(".");
      if (json === undefined || !isJsonObject(json)) this.#storage.remove(storageKey);
      else this.#events.push(this.#event(messageId, json, this.#nextSequence++, storageKey, 1));
    }
    this.#makeRoom();
  }

  /** The oldest events within both limits; at least one event if the queue is not empty. */
  oldest(maxEvents: number, maxBytes: number): QueuedEvent[] {
    return this.chunks(maxEvents, maxBytes).next().value ?? [];
  }

  /** All queued events, oldest first, in groups within both limits. Events may be removed during the iteration. */
  *chunks(maxEvents: number, maxBytes: number): Generator<QueuedEvent[], undefined> {
    let chunk: QueuedEvent[] = [];
    let byteCount = 0;
    for (const event of this.#events) {
      const full = chunk.length >= maxEvents || byteCount + event.byteCount + 1 > maxBytes;
      if (full && chunk.length > 0) {
        yield chunk;
        chunk = [];
        byteCount = 0;
      }
      chunk.push(event);
      byteCount += event.byteCount + 1; // the comma
    }
    if (chunk.length > 0) yield chunk;
    return undefined;
  }

  remove(events: readonly QueuedEvent[]): void {
    const gone = new Set(events);
    this.#events = this.#events.filter((event) => !gone.has(event));
    for (const event of events) this.#storage.remove(event.storageKey);
  }

  #event(messageId: string, json: string, sequence: number, storageKey: string, attempts: number): QueuedEvent {
    return { messageId, json, byteCount: encoder.encode(json).length, sequence, storageKey, attempts };
  }

  #makeRoom(): void {
    const excess = this.#events.length - this.#maxEvents;
    if (excess <= 0) return;
    const lost = this.#events.slice(0, excess);
    this.remove(lost);
    this.#onOverflow(lost);
  }
}

/** Another script may have written under our prefix. A text that is not a JSON object would invalidate the whole batch. */
function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
