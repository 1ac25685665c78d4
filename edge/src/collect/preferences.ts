// Writes changes of consent, which Segment's consent tools report as events, to the ledger. A change takes effect before the
// event itself is stored. docs/API_DOCUMENTATION.md#consent.

import { isObject, type KeyRecord } from "@behaviour/contract";
import { Refusal } from "../answer/refusal.ts";
import type { Purpose } from "../consent/decide.ts";
import { readPreferences } from "../consent/signals.ts";
import type { Env } from "../env.ts";
import type { IdKind } from "../ledger/entry.ts";
import { type ConsentWrite, recordConsent } from "../ledger/record-consent.ts";
import type { ConsentRecord } from "../ledger/standing.ts";
import { takeInIsolate } from "../rate-bucket.ts";
import type { JudgedEvent } from "./judge.ts";

const PREFERENCE_EVENT = "Segment Consent Preference Updated";
const METHOD = "segment-preference";

/**
 * Records for each id the last choices in the request's events.
 * @returns a refusal if a ledger could not be written: no event of the request is then stored, and the client may retry.
 */
export async function recordPreferences(
  events: readonly JudgedEvent[],
  key: KeyRecord,
  receivedAtMs: number,
  env: Env,
): Promise<Refusal | null> {
  const said = new Map<string, Said>();
  for (const event of events) {
    if (event.isOrdinary !== true && event.event.event === PREFERENCE_EVENT) gather(said, event, key, receivedAtMs);
  }
  if (said.size === 0) return null;
  const retryAfterSeconds = takeInIsolate(key, said.size, receivedAtMs);
  if (retryAfterSeconds > 0) return new Refusal("rate_limited", { retryAfterSeconds });
  const writes: ConsentWrite[] = [];
  for (const { kind, id, purposes } of said.values()) {
    for (const record of recordsOf(purposes, receivedAtMs)) writes.push({ kind, id, record });
  }
  return recordConsent(writes, key, env);
}

/** The choices in a request's events for one id: the newest choice for each purpose, and the last of several at the same time. */
interface Said {
  kind: IdKind;
  id: string;
  purposes: Map<Purpose, { verdict: "granted" | "denied"; occurredAtMs: number; messageId: string }>;
}

function gather(said: Map<string, Said>, judged: JudgedEvent, key: KeyRecord, receivedAtMs: number): void {
  const { event, messageId } = judged;
  const occurredAtMs = Math.min(judged.timeMs, receivedAtMs);
  const context = isObject(event.context) ? event.context : {};
  const preferences = isObject(context.consent) ? context.consent.categoryPreferences : undefined;
  const verdicts = readPreferences(preferences, key.settings.consentCategories ?? {});
  const grants = Object.values(verdicts).includes("granted");
  for (const kind of ["anonymousId", "userId"] as const) {
    const id = textOf(event[kind]);
    // A public key may refuse for any id, but grant for an anonymousId only: anyone can name any userId.
    if (id === null || (kind === "userId" && grants && key.kind === "public")) continue;
    const name = `${kind}:${id}`;
    const of: Said = said.get(name) ?? { kind, id, purposes: new Map() };
    for (const purpose of ["analytics", "advertising"] as const) {
      const verdict = verdicts[purpose];
      const before = of.purposes.get(purpose);
      if (verdict === "unknown" || (before !== undefined && before.occurredAtMs > occurredAtMs)) continue;
      of.purposes.set(purpose, { verdict, occurredAtMs, messageId });
    }
    if (of.purposes.size > 0) said.set(name, of);
  }
}

/** One record for each event with the last choice for a purpose: usually one record. */
function recordsOf(purposes: Said["purposes"], receivedAtMs: number): ConsentRecord[] {
  const records = new Map<string, ConsentRecord>();
  for (const [purpose, { verdict, occurredAtMs, messageId }] of purposes) {
    const record: ConsentRecord = records.get(messageId) ?? {
      record: messageId,
      recordedAtMs: receivedAtMs,
      occurredAtMs,
      purposes: {},
      method: METHOD,
      noticeVersion: null,
    };
    record.purposes[purpose] = verdict;
    records.set(messageId, record);
  }
  return [...records.values()];
}

function textOf(id: unknown): string | null {
  return typeof id === "string" || typeof id === "number" ? String(id) : null;
}
