// One watcher's side of the tail: never more waits for a socket than a bound, and what is left out is told as a number.

import { LIMITS } from "@behaviour/contract";
import type { DroppedMessage } from "./message.ts";

/** As much of a socket as is needed here. */
export interface Sending {
  /** Bytes that were sent and have not left yet. */
  readonly bufferedAmount?: number;
  send(text: string): void;
}

export class Outbox {
  readonly #socket: Sending;
  #lost = 0;

  constructor(socket: Sending) {
    this.#socket = socket;
  }

  lose(messages: number): void {
    this.#lost += messages;
  }

  /** In order; what finds no room is counted, and the count goes out before the next message that does. */
  send(messages: readonly string[]): void {
    if (this.#lost > 0) this.#announce();
    for (const message of messages) {
      if (this.#lost > 0 || !this.#trySend(message)) this.#lost++;
    }
  }

  #announce(): void {
    const announcement: DroppedMessage = { type: "dropped", count: this.#lost };
    if (this.#trySend(JSON.stringify(announcement))) this.#lost = 0;
  }

  #trySend(text: string): boolean {
    if ((this.#socket.bufferedAmount ?? 0) + text.length > LIMITS.liveBufferBytes) return false;
    try {
      this.#socket.send(text);
      return true;
    } catch {
      return false; // Closed meanwhile: nobody is left to be told.
    }
  }
}
