// Segment's consent tools report a changed choice as an event; it is a ledger write as well, in force before the event itself is
// stored. API.md §4.

import { isObject, type KeyRecord } from "@behaviour/contract";
import { recordConsent } from "../consent/record.ts";
import { DEFAULT_CATEGORIES, readPreferences } from "../consent/signals.ts";
import type { Env } from "../env.ts";
import type { Refusal } from "../refusal.ts";
import type { ConsentRecord } from "../shard/ledger.ts";
import type { JudgedEvent } from "./judge.ts";

const PREFERENCE_EVENT = "Segment Consent Preference Updated";
const METHOD = "segment-preference";

/** @returns a refusal when a ledger could not be written: then nothing of the request is stored, and it may come again. */
export async function recordPreferences(
  events: readonly JudgedEvent[],
  key: KeyRecord,
  receivedAtMs: number,
  env: Env,
): Promise<Refusal | null> {
  for (const { event, messageId, timeMs } of events) {
    if (event.event !== PREFERENCE_EVENT) continue;
    const purposes = purposesOf(event, key);
    if (purposes === null) continue;
    const record: ConsentRecord = {
      record: messageId,
      recordedAtMs: receivedAtMs,
      occurredAtMs: Math.min(timeMs, receivedAtMs),
      purposes,
      method: METHOD,
      noticeVersion: null,
    };
    const grants = Object.values(purposes).includes("granted");
    // A public key may refuse for any id, but grant for an anonymousId only: anyone can name any userId.
    const userId = key.kind === "public" && grants ? null : textOf(event.userId);
    const anonymousId = textOf(event.anonymousId);
    if (anonymousId === null && userId === null) continue;
    const refusal = await recordConsent({ anonymousId, userId, record }, key, env);
    if (refusal !== null) return refusal;
  }
  return null;
}

function purposesOf(event: Record<string, unknown>, key: KeyRecord): ConsentRecord["purposes"] | null {
  const context = isObject(event.context) ? event.context : {};
  const said = isObject(context.consent) ? context.consent.categoryPreferences : undefined;
  const categories = { ...DEFAULT_CATEGORIES, ...key.settings.consentCategories };
  const { analytics, advertising } = readPreferences(said, categories);
  const purposes = {
    ...(analytics === "unknown" ? {} : { analytics }),
    ...(advertising === "unknown" ? {} : { advertising }),
  };
  return Object.keys(purposes).length === 0 ? null : purposes;
}

function textOf(id: unknown): string | null {
  return typeof id === "string" || typeof id === "number" ? String(id) : null;
}
