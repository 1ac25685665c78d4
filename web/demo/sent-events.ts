/** Keeps the events of this tab for the panel. They survive reloads, so that the last event of a page is shown too. */
import { effect, signal } from "@preact/signals";
import { load, save } from "./session-store.ts";

export type SentState =
  /** The event waits in the library. */
  | "queued"
  /** The collector answered 200: the event is on durable storage. */
  | "stored"
  /** The library handed the event to the browser when the page was hidden or left. */
  | "beacon"
  /** The event was refused or dropped. */
  | "lost";

export interface SentEvent {
  messageId: string;
  /** The event's name, or its type if it has no name. */
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

/** Marks the waiting events as sent by beacon, because the library does so when the page is hidden. */
export function noteBeacon(): void {
  noteState(
    sentEvents.value.filter(({ state }) => state === "queued").map(({ messageId }) => messageId),
    "beacon",
  );
}
