/**
 * Holds the newest events. They are polled every two seconds, and pushed immediately while the live tail is open
 * (tail.ts). The shown list does not change while it is paused.
 */
import { signal } from "@preact/signals";
import { read } from "../api/client.ts";
import type { EventRow } from "../api/types.ts";
import { mergeEvents, stillArriving } from "./merge-events.ts";
import { Poller } from "./poller.ts";

const EVENT_COUNT = 20;
const POLL_INTERVAL_MS = 2_000;

/** Undefined before the first answer. */
export const events = signal<readonly EventRow[] | undefined>(undefined);
/** True while the list is paused, so that a person can read a row in heavy traffic. */
export const paused = signal(false);
/** The event in the details drawer. */
export const openEvent = signal<EventRow | undefined>(undefined);

let stored: readonly EventRow[] = [];
/** Events that the tail sent and the stores do not have yet, newest first. */
let arriving: EventRow[] = [];

export const eventsPoller = new Poller("events", POLL_INTERVAL_MS, async () => {
  const answer = await read<EventRow[]>(`/v1/events?limit=${EVENT_COUNT}`);
  if (answer.kind === "ok") {
    stored = answer.data;
    show();
  }
  return answer;
});

/** Adds events that were accepted a moment ago. */
export function addArriving(rows: readonly EventRow[]): void {
  arriving = [...rows, ...arriving].slice(0, EVENT_COUNT);
  show();
}

function show(): void {
  arriving = stillArriving(arriving, stored, Date.now());
  if (!paused.value) events.value = mergeEvents(stored, arriving, EVENT_COUNT);
}
