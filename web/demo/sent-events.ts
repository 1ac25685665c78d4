/** The events this tab has made, as the panel lists them: kept across reloads, so that the last one of a page is seen too. */
import { effect, signal } from "@preact/signals";
import { load, save } from "./session-store.ts";

export type SentState =
  /** Waits in the library. */
  | "queued"
  /** The collector answered 200: it is on durable storage. */
  | "stored"
  /** Handed to the browser when the page was hidden or left. */
  | "beacon"
  /** Refused, or dropped. */
  | "lost";

export interface SentEvent {
  messageId: string;
  /** The event's name; the type for those without one. */
  name: string;
  type: string;
  path: string;
  atMs: number;
  state: SentState;
}

const MAX_SHOWN = 100;

/** Newest first. */
export const sentEvents = signal<SentEvent[]>(load("sent", []));

effect(() => save("sent", sentEvents.value));

export function noteSent(event: SentEvent): void {
  sentEvents.value = [event, ...sentEvents.value].slice(0, MAX_SHOWN);
}

export function noteState(messageIds: readonly string[], state: SentState): void {
  const changed = new Set(messageIds);
  sentEvents.value = sentEvents.value.map((event) => (changed.has(event.messageId) ? { ...event, state } : event));
}

/** What waited when the page was hidden went by beacon. */
export function noteBeacon(): void {
  noteState(
    sentEvents.value.filter(({ state }) => state === "queued").map(({ messageId }) => messageId),
    "beacon",
  );
}
