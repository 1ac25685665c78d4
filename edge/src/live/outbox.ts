// One watcher's side of the tail: what may wait for a socket is bounded, and what is left out is told as a number.
//
// The runtime takes whatever is sent and does not say how much of it has left (`bufferedAmount` is undefined), so the bound
// rests on what the watcher confirms. From time to time it is sent `{"type":"confirm","upTo":n}`. One that answers with that
// very text may have `liveBufferBytes` on the way, at any speed. One that never does is sent so much at once and then
// `liveBytesPerSecond`; and since it may have stopped reading long ago, it has to connect again after `liveUnconfirmedBytes`.

import { LIMITS } from "@behaviour/contract";
import type { ConfirmMessage, DroppedMessage } from "./message.ts";

/** As much of a socket as is needed here. */
export interface Sending {
  send(text: string): void;
  close(code: number, reason: string): void;
}

const ASK_EVERY_BYTES = LIMITS.liveBufferBytes / 4;
/** Longer than any confirmation. */
const CONFIRMATION_MAX_LENGTH = 64;
/** https://www.iana.org/assignments/websocket: try again later. */
const TRY_AGAIN_LATER = 1013;

export class Outbox {
  readonly #socket: Sending;
  /** Messages left out since the last that went. */
  #lost = 0;
  #sentBytes = 0;
  #askedBytes = 0;
  #confirmedBytes = 0;
  #confirms = false;
  /** What a watcher that does not confirm may be sent now. */
  #budgetBytes: number = LIMITS.liveBufferBytes;
  #budgetAtMs: number;

  constructor(socket: Sending, nowMs: number) {
    this.#socket = socket;
    this.#budgetAtMs = nowMs;
  }

  lose(messages: number): void {
    this.#lost += messages;
  }

  /** In order; what finds no room is counted, and the count goes out before the next message that does. */
  send(messages: readonly string[], nowMs: number): void {
    this.#earn(nowMs);
    if (this.#lost > 0) this.#announce();
    for (const message of messages) {
      if (this.#lost > 0 || !this.#trySend(message)) this.#lost++;
    }
    if (this.#sentBytes - this.#askedBytes >= ASK_EVERY_BYTES) this.#ask();
  }

  /** What the watcher said: a confirmation, or nothing of interest. */
  hear(text: string): void {
    const upTo = readConfirmation(text);
    if (upTo === null || upTo < this.#confirmedBytes || upTo > this.#sentBytes) return;
    this.#confirms = true;
    this.#confirmedBytes = upTo;
  }

  #earn(nowMs: number): void {
    const earned = ((nowMs - this.#budgetAtMs) * LIMITS.liveBytesPerSecond) / 1_000;
    this.#budgetBytes = Math.min(LIMITS.liveBufferBytes, this.#budgetBytes + earned);
    this.#budgetAtMs = nowMs;
  }

  #announce(): void {
    const announcement: DroppedMessage = { type: "dropped", count: this.#lost };
    if (this.#trySend(JSON.stringify(announcement))) this.#lost = 0;
  }

  #ask(): void {
    const question: ConfirmMessage = { type: "confirm", upTo: this.#sentBytes };
    this.#askedBytes = this.#sentBytes;
    this.#write(JSON.stringify(question));
  }

  #trySend(text: string): boolean {
    const onTheWay = this.#sentBytes - this.#confirmedBytes;
    if (this.#confirms) return onTheWay + text.length <= LIMITS.liveBufferBytes && this.#write(text);
    if (text.length > this.#budgetBytes) return false;
    if (onTheWay + text.length > LIMITS.liveUnconfirmedBytes) {
      this.#socket.close(TRY_AGAIN_LATER, "nothing was confirmed: connect again");
      return false;
    }
    return this.#write(text);
  }

  #write(text: string): boolean {
    try {
      this.#socket.send(text);
    } catch {
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
