// Answers `GET /v1/events/<messageId>`: how far one message has come. The Worker queries the shards and sends their part with the
// request. This code queries each tier and the failed-events store. The answer has a store's key only if the message got there.

import { LIMITS, parseTime } from "@behaviour/contract";
import * as z from "zod/mini";
import { isStorableText } from "../operation/parameters.ts";
import type { Tier, TierName } from "../tiers/tier.ts";

const ShardTrace = z.object({
  accepted: z.optional(z.string()),
  flushed: z.optional(z.string()),
  suppressed: z.optional(z.object({ reason: z.string() })),
});
export type ShardTrace = z.infer<typeof ShardTrace>;

export interface TraceFailure {
  code: string;
  message: string;
  failedAtMs: number;
}

/** The sources that can locate a message. */
export interface Whereabouts {
  tiers: readonly Pick<Tier, "name" | "locate">[];
  /** @param receivedAtMs earliest time of receipt, if known */
  findFailure(project: string, messageId: string, receivedAtMs?: number): Promise<TraceFailure | null>;
}

/** Times are ISO. */
export interface Trace extends ShardTrace {
  messageId: string;
  /** Latest possible time: the earliest time that a store behind the processor reports. */
  processed?: string;
  hot?: string;
  warm?: string;
  cold?: string;
  failed?: { code: string; message: string };
  /** Stores that did not respond: the message may or may not be there. */
  unknown?: string[];
}

/** Tolerance between the shard's clock and the time of receipt that the tiers use. */
const CLOCK_MARGIN_MS = 60_000;

/** False for a text that cannot be the id of a message. */
export function isMessageId(text: string): boolean {
  return text !== "" && text.length <= LIMITS.messageIdLength && isStorableText(text);
}

/** @returns an empty trace if the header is absent or malformed: the tiers can still locate the message. */
export function readShardTrace(header: string | undefined): ShardTrace {
  if (header === undefined) return {};
  try {
    const parsed = ShardTrace.safeParse(JSON.parse(header));
    return parsed.success ? parsed.data : {};
  } catch {
    return {};
  }
}

/**
 * @returns null if no source knows the message.
 * @throws if no source that responded knows the message, and a source did not respond.
 */
export async function traceMessage(
  project: string,
  messageId: string,
  shard: ShardTrace,
  { tiers, findFailure }: Whereabouts,
): Promise<Trace | null> {
  const acceptedMs = parseTime(shard.accepted);
  const receivedAtMs = acceptedMs === null ? undefined : acceptedMs - CLOCK_MARGIN_MS;
  const [located, failure] = await Promise.all([
    Promise.allSettled(tiers.map((tier) => tier.locate(project, messageId, receivedAtMs))),
    Promise.allSettled([findFailure(project, messageId, receivedAtMs)]),
  ]);
  const reached: Partial<Record<TierName, string>> = {};
  const unknown: string[] = [];
  for (const [index, { name }] of tiers.entries()) {
    const answer = located[index];
    if (answer?.status !== "fulfilled") unknown.push(name);
    else if (answer.value !== null) reached[name] = answer.value;
  }
  const failed = failure[0].status === "fulfilled" ? failure[0].value : null;
  if (failure[0].status === "rejected") unknown.push("failed");

  const met = Object.keys(reached).length > 0 || failed !== null || Object.keys(shard).length > 0;
  if (!met && unknown.length > 0) throw new Error(`${unknown.join(", ")}: no answer to where a message is`);
  if (!met) return null;
  const times = [...Object.values(reached), ...(failed === null ? [] : [new Date(failed.failedAtMs).toISOString()])];
  const processed = times.toSorted()[0];
  return {
    messageId,
    ...shard,
    ...(processed === undefined ? {} : { processed }),
    ...reached,
    ...(failed === null ? {} : { failed: { code: failed.code, message: failed.message } }),
    ...(unknown.length === 0 ? {} : { unknown }),
  };
}
