/** The newest events, asked for every two seconds unless the list is held still. */
import { signal } from "@preact/signals";
import { read } from "../api/client.ts";
import type { EventRow } from "../api/types.ts";
import { Poller } from "./poller.ts";

const EVENT_COUNT = 20;
const POLL_INTERVAL_MS = 2_000;

/** Undefined before the first answer. */
export const events = signal<readonly EventRow[] | undefined>(undefined);
/** Held still, so that a row can be read and followed in heavy traffic. */
export const paused = signal(false);
/** The event in the details drawer. */
export const openEvent = signal<EventRow | undefined>(undefined);

export const eventsPoller = new Poller("events", POLL_INTERVAL_MS, async () => {
  const answer = await read<EventRow[]>(`/v1/events?limit=${EVENT_COUNT}`);
  if (answer.kind === "ok" && !paused.value) events.value = answer.data;
  return answer;
});
