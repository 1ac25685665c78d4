// `GET /v1/query/realtime`: what the dashboard shows of the last minutes, from the hot tier.

export interface Realtime {
  activeUsers: number;
  perMinute: { minute: string; events: number }[];
  topEvents: { event: string; count: number }[];
  topPages: { page: string; count: number }[];
  countries: { country: string; count: number }[];
}

/** The last `minutes` minutes, the current one included, oldest first, with 0 for those without an event. */
export type RealtimeReader = (project: string, minutes: number, nowMs: number) => Promise<object>;
