// Defines the counter line, which is on the raw stream beside the envelopes. It counts what one shard did with its events in one
// minute, so that every hop can be reconciled (I9): received = accepted + rejected + suppressed + duplicates. A minute may have
// several lines, from late events or from restarts of the shard. The lines add up.

import * as z from "zod/mini";
import { ENVELOPE_VERSION } from "./envelope.ts";

const count = z.int().check(z.gte(0));

export const ShardCounters = z.object({
  project: z.string(),
  /** The shard's name: project, region and index. */
  shard: z.string(),
  /** A random name for each start of the shard. With `serial` it identifies the line, so that a duplicate counts once. */
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
