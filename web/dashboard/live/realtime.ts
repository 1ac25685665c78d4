/** Polls the figures of the last half hour every second. */
import { computed, signal } from "@preact/signals";
import { read } from "../api/client.ts";
import type { Realtime } from "../api/types.ts";
import { Poller } from "./poller.ts";
import { RateMeter, type RateSample } from "./rate.ts";

export const WINDOW_MINUTES = 30;
const POLL_INTERVAL_MS = 1_000;
const MINUTE_MS = 60_000;

export const realtime = signal<Realtime | undefined>(undefined);
/** Time of the newest figures, epoch milliseconds. */
export const updatedAtMs = signal(0);
export const eventsPerSecond = signal(0);
export const rateSamples = signal<readonly RateSample[]>([]);

export interface ChartMinute {
  /** Start of the minute, epoch milliseconds. */
  minuteMs: number;
  events: number;
}

/** Exactly the last 30 minutes, the current minute last, including minutes without events. */
export const minutes = computed<ChartMinute[]>(() => {
  const counts = new Map(realtime.value?.perMinute.map(({ minute, events }) => [Date.parse(minute), events]));
  const newestMs = Math.floor((updatedAtMs.value || Date.now()) / MINUTE_MS) * MINUTE_MS;
  return Array.from({ length: WINDOW_MINUTES }, (_, index) => {
    const minuteMs = newestMs - (WINDOW_MINUTES - 1 - index) * MINUTE_MS;
    return { minuteMs, events: counts.get(minuteMs) ?? 0 };
  });
});

export const totalEvents = computed(() => minutes.value.reduce((sum, { events }) => sum + events, 0));

const meter = new RateMeter();

export const realtimePoller = new Poller("realtime", POLL_INTERVAL_MS, async () => {
  const answer = await read<Realtime>(`/v1/query/realtime?minutes=${WINDOW_MINUTES}`);
  if (answer.kind !== "ok") return answer;
  const nowMs = Date.now();
  meter.add(answer.data.perMinute, nowMs);
  realtime.value = answer.data;
  updatedAtMs.value = nowMs;
  eventsPerSecond.value = meter.perSecond(nowMs);
  rateSamples.value = [...meter.samples];
  return answer;
});
