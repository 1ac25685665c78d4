/** The answers of the reading calls, as far as the page shows them (docs: API documentation, "Reading"). */

export interface MinuteCount {
  /** Start of the minute, RFC 3339. */
  minute: string;
  events: number;
}

export interface Realtime {
  activeUsers: number;
  perMinute: MinuteCount[];
  topEvents: { event: string | null; count: number }[];
  topPages: { page: string | null; count: number }[];
  countries: { country: string | null; count: number }[];
}

export interface EventRow {
  messageId: string;
  type: string;
  event?: string | null;
  name?: string | null;
  timestamp: string;
  receivedAt: string;
  subject?: string | null;
  userId?: string | null;
  anonymousId?: string | null;
  properties?: Record<string, unknown> | null;
  context?: Record<string, unknown> | null;
}

/** The stages of an event, in order. The tiers are written in parallel. */
export const PATH_STAGES = ["accepted", "flushed", "processed"] as const;
export const TIERS = ["hot", "warm", "cold"] as const;
export type Stage = (typeof PATH_STAGES)[number] | (typeof TIERS)[number];

/** When the event reached each stage, RFC 3339; a stage not reached is missing. */
export type StageReport = { messageId: string } & Partial<Record<Stage, string>> & {
    /** Why it is in the failed-events store instead. */
    failed?: unknown;
    /** Why it was not stored: consent, or an erasure. */
    suppressed?: unknown;
  };
