// `GET /v1/query/realtime`: what the dashboard shows of the last minutes, from the hot tier.

import type { Realtime } from "../tiers/hot/read.ts";

/** The last `minutes` minutes, the current one included, oldest first, with 0 for those without an event. */
export type RealtimeReader = (project: string, minutes: number, nowMs: number) => Promise<Realtime>;
