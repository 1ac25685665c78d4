// Writes consent records to the ledger objects of their ids, and reads them. It makes at most one call to each ledger object,
// however many records there are. A record's object never changes. ADR 009.

import { type KeyRecord, LIMITS } from "@behaviour/contract";
import { Refusal } from "../answer/refusal.ts";
import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { callObject } from "../outbound/object-call.ts";
import { HOMES, homeOfTopic, type IdKind, LEDGER_SECRET_LENGTH, LedgerIds, legacyEntryOf, topicOf } from "./entry.ts";
import { ledgerHome } from "./home.ts";
import type { EntryRecord } from "./records.ts";
import { type ConsentRecord, join, NO_STANDING, type Standing } from "./standing.ts";

const RETRY_SECONDS = 2;

export interface ConsentWrite {
  kind: IdKind;
  id: string;
  record: ConsentRecord;
}

/** @returns a refusal unless every shard that could judge these ids next has the records. A repeated write changes nothing. */
export async function recordConsent(
  writes: readonly ConsentWrite[],
  key: KeyRecord,
  env: Env,
): Promise<Refusal | null> {
  if (writes.length === 0) return null;
  const ids = ledgerIdsOf(key.project, env);
  if (ids instanceof Refusal) return ids;
  const byHome = Array.from({ length: HOMES }, (): EntryRecord[] => []);
  const file = (entry: Uint8Array, record: ConsentRecord) =>
    byHome[homeOfTopic(topicOf(entry))]?.push({ entry, record });
  for (const { kind, id, record } of writes) {
    file(ids.entry(kind, id), record);
    // Workers of the previous release judge by legacy entries only. A client can make legacy entries collide, so only refusals
    // are stored under them.
    const refused = refusalsOf(record);
    if (refused !== null) file(legacyEntryOf(kind, id), refused);
  }
  const answers = await Promise.all(byHome.map((records, home) => recordInHome(records, home, key.project, env)));
  return answers.every((isRecorded) => isRecorded) ? null : unavailable();
}

async function recordInHome(records: EntryRecord[], home: number, project: string, env: Env): Promise<boolean> {
  if (records.length === 0) return true;
  try {
    const { unreachable } = await callObject(() => ledgerHome(env, project, home).record(records));
    if (unreachable.length === 0) return true;
    log("error", "consent is recorded, but not known everywhere yet", { unreachable });
  } catch (fault) {
    log("error", "consent not recorded", { home, fault });
  }
  return false;
}

function refusalsOf(record: ConsentRecord): ConsentRecord | null {
  const { analytics, advertising } = record.purposes;
  const purposes: ConsentRecord["purposes"] = {
    ...(analytics === "denied" ? { analytics } : {}),
    ...(advertising === "denied" ? { advertising } : {}),
  };
  return Object.keys(purposes).length === 0 ? null : { ...record, purposes };
}

/** An id's standing and its newest records, oldest first, including the records under its legacy entry. */
export async function readConsent(
  kind: IdKind,
  id: string,
  key: KeyRecord,
  env: Env,
): Promise<{ standing: Standing; history: ConsentRecord[] } | Refusal> {
  const ids = ledgerIdsOf(key.project, env);
  if (ids instanceof Refusal) return ids;
  try {
    const found = await Promise.all(
      [ids.entry(kind, id), legacyEntryOf(kind, id)].map((entry) =>
        callObject(() => ledgerHome(env, key.project, homeOfTopic(topicOf(entry))).read(entry)),
      ),
    );
    return {
      standing: found.map(({ standing }) => standing).reduce(join, NO_STANDING),
      history: found
        .flatMap(({ history }) => history)
        .sort(byTime)
        .slice(-LIMITS.consentHistoryRecords),
    };
  } catch (fault) {
    log("error", "consent not read", { fault });
    return unavailable();
  }
}

function byTime(a: ConsentRecord, b: ConsentRecord): number {
  return a.recordedAtMs - b.recordedAtMs || a.occurredAtMs - b.occurredAtMs;
}

/** Returns the project's ledger ids, or a refusal if the installation has no secret for them. */
export function ledgerIdsOf(project: string, env: Env): LedgerIds | Refusal {
  const ids = LedgerIds.of(project, env.LEDGER_SECRET);
  if (ids !== null) return ids;
  const message = `the consent ledger needs the secret LEDGER_SECRET, at least ${LEDGER_SECRET_LENGTH} characters: wrangler secret put LEDGER_SECRET`;
  log("error", message);
  return unavailable();
}

function unavailable(): Refusal {
  return new Refusal("unavailable", { retryAfterSeconds: RETRY_SECONDS });
}
