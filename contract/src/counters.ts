// A line of the raw stream beside the envelopes: what one shard did with the events it was shown in one minute, so that every
// hop can be reconciled (I9): received = accepted + rejected + suppressed + duplicates. A minute may have several lines, of
// stragglers or of several lives of the shard: they add up.

import * as z from "zod/mini";
import { ENVELOPE_VERSION } from "./envelope.ts";

const count = z.int().check(z.gte(0));

export const ShardCounters = z.object({
  project: z.string(),
  /** The shard's name: project, region and index. */
  shard: z.string(),
  /** Names the shard's life; with `serial` it names the line, so that a copy of it counts once. */
  boot: z.string(),
  serial: count,
  /** Start of the minute, epoch milliseconds, by the time of receipt. */
  minuteMs: count,
  accepted: count,
  duplicates: count,
  rejected: count,
  suppressed: count,
});
export type ShardCounters = z.infer<typeof ShardCounters>;

export const CounterLine = z.object({ v: z.literal(ENVELOPE_VERSION), counters: ShardCounters });
export type CounterLine = z.infer<typeof CounterLine>;
