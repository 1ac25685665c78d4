// `GET /v1/events/<messageId>`: how far one message has come. The shards' part comes with the request (the Worker asks them);
// each tier and the failed-events store are asked here. Keys stand in the answer only when the message got there.

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

/** Whatever can say where a message is. */
export interface Whereabouts {
  tiers: readonly Pick<Tier, "name" | "locate">[];
  /** @param receivedAtMs when it was received at the earliest, if known */
  findFailure(project: string, messageId: string, receivedAtMs?: number): Promise<TraceFailure | null>;
}

/** Times are ISO. */
export interface Trace extends ShardTrace {
  messageId: string;
  /** At the latest: what the first of the stores behind the processor says. */
  processed?: string;
  hot?: string;
  warm?: string;
  cold?: string;
  failed?: { code: string; message: string };
  /** Stores that did not answer: the message may be there or not. */
  unknown?: string[];
}

/** Between the shard's clock and the time of receipt that the tiers go by. */
const CLOCK_MARGIN_MS = 60_000;

/** No message can have another name. */
export function isMessageId(text: string): boolean {
  return text !== "" && text.length <= LIMITS.messageIdLength && isStorableText(text);
}

/** @returns nothing for a header that is absent or malformed: the tiers still know. */
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
 * @returns null when nobody has ever met the message.
 * @throws when nobody who answered has met it, and somebody did not answer.
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
