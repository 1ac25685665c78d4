// Stage 5: events become what the shard stores without opening it: one envelope line, packed ids, and above a few KiB a gzip
// member. All of it CPU work, done here because Workers scale out and a shard is one thread. DESIGN E2.

import {
  compressMember,
  type ConsentOutcome,
  ENVELOPE_VERSION,
  envelopeLine,
  type EventType,
  type KeyRecord,
  LIMITS,
  packIds,
  type RequestSource,
} from "@behaviour/contract";
import { cutAddress } from "./address.ts";
import type { JudgedEvent } from "./judge.ts";
import type { ParsedBody } from "./parse.ts";

/** What holds for every event of the request. */
export interface RequestFacts {
  key: KeyRecord;
  requestId: string;
  receivedAtMs: number;
  isRetry: boolean;
  anyPast: boolean;
  defaultType: EventType | null;
  consent: Exclude<ConsentOutcome, "drop">;
  source: RequestSource;
}

export interface Packed {
  events: readonly JudgedEvent[];
  /** 8 bytes an event, in the order of `events`. */
  ids: Uint8Array;
  /** Epoch milliseconds: no event of these was first sent before. */
  oldestMs: number;
  /** Whole NDJSON lines, as they are or as one gzip member. */
  data: Uint8Array;
  compressed: boolean;
}

/** What the edge knows of where a request came from; the address is cut here, before anything is written. */
export function requestSource(request: Request): RequestSource {
  const cf = request.cf as IncomingRequestCfProperties | undefined;
  return {
    ip: cutAddress(request.headers.get("CF-Connecting-IP")),
    userAgent: request.headers.get("User-Agent")?.slice(0, 1_024).toWellFormed() ?? null,
    country: cf?.country ?? null,
    region: cf?.regionCode ?? null,
    city: cf?.city ?? null,
    timezone: cf?.timezone ?? null,
    referer: request.headers.get("Referer")?.slice(0, 2_048).toWellFormed() ?? null,
  };
}

const encoder = new TextEncoder();

/**
 * @param original the body as sent when every event of it is in `events` and none was repaired, else null.
 * @returns usually one; more when the frame would not fit into a Kinesis record.
 */
export function wrap(
  events: readonly JudgedEvent[],
  facts: RequestFacts,
  parsed: ParsedBody,
  original: string | null,
): Packed[] {
  const text = original ?? rewrite(events, parsed);
  const line = encoder.encode(`${envelopeLine(envelopeHead(facts, parsed.shape), text)}\n`);
  const compressed = line.byteLength > LIMITS.packThresholdBytes;
  const data = compressed ? compressMember(line) : line;
  if (data.byteLength > LIMITS.frameBytes && events.length > 1) {
    const half = events.length >> 1;
    return [...wrap(events.slice(0, half), facts, parsed, null), ...wrap(events.slice(half), facts, parsed, null)];
  }
  return [{ events, ids: packIds(events.map((event) => event.messageId)), oldestMs: oldest(events), data, compressed }];
}

function envelopeHead(facts: RequestFacts, shape: "batch" | "event") {
  return {
    v: ENVELOPE_VERSION,
    project: facts.key.project,
    keyId: facts.key.id,
    requestId: facts.requestId,
    receivedAtMs: facts.receivedAtMs,
    retry: facts.isRetry,
    secret: facts.key.kind === "secret",
    anyPast: facts.anyPast,
    defaultType: facts.defaultType,
    consent: facts.consent,
    source: facts.source,
    shape,
  } as const;
}

/** The body anew from the parsed values; each event has the batch's context merged in by now, and no key travels on. */
function rewrite(events: readonly JudgedEvent[], parsed: ParsedBody): string {
  if (parsed.shape === "event") {
    const { writeKey: _writeKey, ...event } = events[0]?.event ?? {};
    return JSON.stringify(event);
  }
  return JSON.stringify({ batch: events.map(({ event }) => event), sentAt: parsed.body.sentAt });
}

function oldest(events: readonly JudgedEvent[]): number {
  let oldestMs = Number.POSITIVE_INFINITY;
  for (const { timeMs } of events) if (timeMs < oldestMs) oldestMs = timeMs;
  return oldestMs;
}
