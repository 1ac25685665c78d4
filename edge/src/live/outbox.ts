// One watcher's side of the tail: what may wait for a socket is bounded, and what is left out is told as a number.
//
// The runtime takes whatever is sent and does not say how much of it has left (`bufferedAmount` is undefined), so the bound
// rests on what the watcher confirms. From time to time it is sent `{"type":"confirm","upTo":n}`. One that answers with that
// very text may have its share of the room on the way, at any speed. One that never does is sent so much at once and then
// `liveBytesPerSecond`; and since it may have stopped reading long ago, it has to connect again after `liveUnconfirmedBytes`,
// or its share where many watch.

import { LIMITS } from "@behaviour/contract";
import type { ConfirmMessage, DroppedMessage } from "./message.ts";

/** As much of a socket as is needed here. */
export interface Sending {
  send(text: string): void;
  close(code: number, reason: string): void;
}

/** So often within its share a watcher is asked what it has read. */
const ASKS_PER_SHARE = 4;
/** How long what a watcher did not confirm still counts after it was ended: it may lie there until its connection is gone. */
const LINGER_MS = 30_000;
/** Longer than any confirmation. */
const CONFIRMATION_MAX_LENGTH = 64;
/** https://www.iana.org/assignments/websocket: try again later. */
const TRY_AGAIN_LATER = 1013;

/** What all watchers of one tail may have on the way together. */
export class Room {
  /** How many share it. */
  watchers = 1;
  #usedUnits = 0;
  #lingering: { units: number; untilMs: number }[] = [];

  get share(): number {
    return LIMITS.liveTailBytes / Math.max(1, this.watchers);
  }

  /** @returns false, and takes nothing, where it would not fit. */
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

  /** Gives what has lingered long enough. */
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
  /** Messages left out since the last that went. */
  #lost = 0;
  #sentBytes = 0;
  #askedBytes = 0;
  #confirmedBytes = 0;
  #confirms = false;
  /** What a watcher that does not confirm may be sent now. */
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

  /** In order; what finds no room is counted, and the count goes out before the next message that does. */
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

  /** What the watcher said: a confirmation, or nothing of interest. */
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
      return false; // Closed meanwhile: nobody is left to be told.
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
