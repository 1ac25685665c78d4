// Defines the reader of `GET /v1/query/realtime`, which the dashboard uses for the last minutes, from the hot tier.

import type { Realtime } from "../tiers/hot/read.ts";

/** Reads the last `minutes` minutes, including the current minute, oldest first, with 0 for a minute without events. */
export type RealtimeReader = (project: string, minutes: number, nowMs: number) => Promise<Realtime>;
