/**
 * Receives accepted events and refusals, each with its reason, over the WebSocket of the live tail. For events it only makes
 * the list faster: if the socket can't be opened or breaks, the list is still polled.
 */
import type { EventRow } from "../api/types.ts";
import { addArriving } from "./events.ts";
import { addRefusals, forgetRefusals, type RefusalTold } from "./refusals.ts";

const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;
/** In heavy traffic the list is redrawn no more often than this. */
const SHOW_EVERY_MS = 100;

interface LiveMessage extends RefusalTold {
  type: string;
  outcome?: string;
  event?: Record<string, unknown>;
}

class Tail {
  #socket: WebSocket | undefined;
  #running = false;
  #timer: number | undefined;
  #backoffMs = FIRST_BACKOFF_MS;
  #waiting: EventRow[] = [];
  #refused: RefusalTold[] = [];
  #showTimer: number | undefined;

  start(): void {
    if (this.#running) return;
    this.#running = true;
    document.addEventListener("visibilitychange", this.#onVisibilityChange);
    this.#open();
  }

  stop(): void {
    this.#running = false;
    document.removeEventListener("visibilitychange", this.#onVisibilityChange);
    this.#close();
    forgetRefusals();
  }

  /** Nobody looks at a hidden page, so it keeps no connection. */
  readonly #onVisibilityChange = (): void => {
    if (document.hidden) this.#close();
    else this.#open();
  };

  #open(): void {
    clearTimeout(this.#timer);
    if (!this.#running || document.hidden || this.#socket) return;
    const socket = new WebSocket(new URL("/v1/live", location.href.replace(/^http/, "ws")));
    this.#socket = socket;
    socket.addEventListener("open", () => (this.#backoffMs = FIRST_BACKOFF_MS));
    socket.addEventListener("message", ({ data }) => this.#hear(socket, String(data)));
    socket.addEventListener("close", () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#timer = window.setTimeout(() => this.#open(), this.#backoffMs * (0.75 + Math.random() * 0.5));
      this.#backoffMs = Math.min(MAX_BACKOFF_MS, this.#backoffMs * 2);
    });
  }

  #close(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #hear(socket: WebSocket, text: string): void {
    const message = JSON.parse(text) as LiveMessage;
    // Echoed unchanged, so that the server knows that we keep up.
    if (message.type === "confirm") return socket.send(text);
    if (message.type === "refused" || message.outcome === "rejected") this.#refused.push(message);
    else if (message.outcome === "accepted" && message.event) this.#waiting.unshift(toRow(message.event));
    else return;
    if (this.#showTimer === undefined) this.#showTimer = window.setTimeout(() => this.#show(), SHOW_EVERY_MS);
  }

  #show(): void {
    const [rows, refused] = [this.#waiting, this.#refused];
    this.#showTimer = undefined;
    this.#waiting = [];
    this.#refused = [];
    if (!this.#running) return;
    if (rows.length > 0) addArriving(rows);
    if (refused.length > 0) addRefusals(refused);
  }
}

/** Drops the ids, because they are as sent, not yet pseudonyms, and the page must not show them. */
function toRow(event: Record<string, unknown>): EventRow {
  const { userId: _userId, anonymousId: _anonymousId, ...row } = event;
  return row as unknown as EventRow;
}

export const tail = new Tail();
