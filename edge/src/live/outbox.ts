// Sends messages to one watcher of the tail, within a bound. The watcher gets the number of omitted messages.
//
// The runtime accepts every message and does not report how much of it has left (`bufferedAmount` is undefined), so the bound
// depends on the watcher's confirmations. The watcher regularly gets `{"type":"confirm","upTo":n}`. A watcher that answers with
// the same text may have its share of the room in flight, at any speed. A watcher that never confirms gets `liveBufferBytes` at
// once and then `liveBytesPerSecond`. It may have stopped reading long ago, so its socket is closed after
// `liveUnconfirmedBytes` (or its share, if there are many watchers), and it has to connect again.

import { LIMITS } from "@behaviour/contract";
import type { ConfirmMessage, DroppedMessage } from "./message.ts";

/** The part of a socket that is used here. */
export interface Sending {
  send(text: string): void;
  close(code: number, reason: string): void;
}

/** Requests for confirmation within a watcher's share. */
const ASKS_PER_SHARE = 4;
/** How long unconfirmed messages still count after the socket was closed: they may be in memory until the connection is gone. */
const LINGER_MS = 30_000;
/** Longer than any confirmation. */
const CONFIRMATION_MAX_LENGTH = 64;
/** https://www.iana.org/assignments/websocket: try again later. */
const TRY_AGAIN_LATER = 1013;

/** The bound for messages in flight to all watchers of one tail. */
export class Room {
  /** Number of watchers that share the room. */
  watchers = 1;
  #usedUnits = 0;
  #lingering: { units: number; untilMs: number }[] = [];

  get share(): number {
    return LIMITS.liveTailBytes / Math.max(1, this.watchers);
  }

  /** @returns false if the units do not fit. Then none are taken. */
  take(units: number): boolean {
    if (this.#usedUnits + units > LIMITS.liveTailBytes) return false;
    this.#usedUnits += units;
    return true;
  }

  give(units: number): void {
    this.#usedUnits -= units;
  }

  giveLater(units: number, nowMs: number): void {
    this.#lingering.push({ units, untilMs: nowMs + LINGER_MS });
  }

  /** Returns the units of closed sockets whose time is over. */
  settle(nowMs: number): void {
    while (this.#lingering[0] !== undefined && this.#lingering[0].untilMs <= nowMs) {
      this.give((this.#lingering.shift() as { units: number }).units);
    }
  }
}

export class Outbox {
  readonly #socket: Sending;
  readonly #room: Room;
  #isOver = false;
  /** Messages omitted since the last message that was sent. */
  #lost = 0;
  #sentBytes = 0;
  #askedBytes = 0;
  #confirmedBytes = 0;
  #confirms = false;
  /** Units that may be sent now to a watcher that does not confirm. */
  #budgetBytes: number = LIMITS.liveBufferBytes;
  #budgetAtMs: number;

  constructor(socket: Sending, nowMs: number, room: Room = new Room()) {
    this.#socket = socket;
    this.#room = room;
    this.#budgetAtMs = nowMs;
  }

  lose(messages: number): void {
    this.#lost += messages;
  }

  /** Sends messages in order. Messages without room are counted, and the count is sent before the next message. */
  send(messages: readonly string[], nowMs: number): void {
    if (this.#isOver) return;
    this.#room.settle(nowMs);
    this.#earn(nowMs);
    if (this.#lost > 0) this.#announce(nowMs);
    for (const message of messages) {
      if (this.#lost > 0 || !this.#trySend(message, nowMs)) this.#lost++;
    }
    const askEvery = Math.min(LIMITS.liveBufferBytes, this.#room.share) / ASKS_PER_SHARE;
    if (!this.#isOver && this.#sentBytes - this.#askedBytes >= askEvery) this.#ask();
  }

  /** Reads a text from the watcher. Every text but a confirmation is ignored. */
  hear(text: string): void {
    const upTo = readConfirmation(text);
    if (upTo === null || upTo < this.#confirmedBytes || upTo > this.#sentBytes) return;
    this.#confirms = true;
    if (!this.#isOver) this.#room.give(upTo - this.#confirmedBytes);
    this.#confirmedBytes = upTo;
  }

  /** The socket is closed. */
  end(): void {
    if (!this.#isOver) this.#room.give(this.#sentBytes - this.#confirmedBytes);
    this.#isOver = true;
  }

  #earn(nowMs: number): void {
    const earned = ((nowMs - this.#budgetAtMs) * LIMITS.liveBytesPerSecond) / 1_000;
    this.#budgetBytes = Math.min(LIMITS.liveBufferBytes, this.#budgetBytes + earned);
    this.#budgetAtMs = nowMs;
  }

  #announce(nowMs: number): void {
    const announcement: DroppedMessage = { type: "dropped", count: this.#lost };
    if (this.#trySend(JSON.stringify(announcement), nowMs)) this.#lost = 0;
  }

  #ask(): void {
    const question: ConfirmMessage = { type: "confirm", upTo: this.#sentBytes };
    this.#askedBytes = this.#sentBytes;
    this.#write(JSON.stringify(question));
  }

  #trySend(text: string, nowMs: number): boolean {
    if (this.#isOver) return false;
    const onTheWay = this.#sentBytes - this.#confirmedBytes + text.length;
    if (this.#confirms) return onTheWay <= Math.min(LIMITS.liveBufferBytes, this.#room.share) && this.#write(text);
    if (text.length > this.#budgetBytes) return false;
    if (onTheWay <= Math.min(LIMITS.liveUnconfirmedBytes, this.#room.share)) return this.#write(text);
    this.#socket.close(TRY_AGAIN_LATER, "nothing was confirmed: connect again");
    this.#room.giveLater(this.#sentBytes - this.#confirmedBytes, nowMs);
    this.#isOver = true;
    return false;
  }

  #write(text: string): boolean {
    if (!this.#room.take(text.length)) return false;
    try {
      this.#socket.send(text);
    } catch {
      this.#room.give(text.length);
      return false; // The socket was closed meanwhile.
    }
    this.#sentBytes += text.length;
    this.#budgetBytes -= text.length;
    return true;
  }
}

function readConfirmation(text: string): number | null {
  if (text.length > CONFIRMATION_MAX_LENGTH) return null;
  const upTo = /^\{"type":"confirm","upTo":(\d{1,15})\}$/.exec(text)?.[1];
  return upTo === undefined ? null : Number(upTo);
}
