// Replaces ids by surrogates: it resolves the ids of a step's events in the vault, keeps the identity edges, and completes the
// events.

import { ENRICHED_VERSION, type EnrichedEvent, position } from "@behaviour/contract";
import type { KeptFailure } from "../failed/index.ts";
import type { IdentityEdge, IdentityEdges, Subjects, Vault } from "../vault/index.ts";
import type { Enrichment } from "./enrich.ts";
import { failedEvent } from "./failure.ts";
import type { BrokenEvent } from "./quarantine.ts";
import type { RawRecord } from "./record.ts";
import { isSuspect } from "./suspect.ts";
import type { Identity } from "./unpack.ts";

/** An event that lacks only its surrogates. */
export interface PendingEvent {
  record: RawRecord;
  /** Index among all events of the record, failed events included, so that a second run counts the same. */
  index: number;
  isRetry: boolean;
  /** The record is a redelivery by the edge, or a replay. The event may have arrived another way before. */
  isRedelivered: boolean;
  identity: Identity;
  /** Whether the identity links that the event states may be kept. */
  linksIdentities: boolean;
  enrichment: Enrichment;
}

export interface VaultParts {
  vault: Pick<Vault, "resolve">;
  identityEdges: Pick<IdentityEdges, "keep">;
}

/** @returns the surrogates of each event, in order. */
export async function pseudonymise(
  { vault, identityEdges }: VaultParts,
  pending: readonly PendingEvent[],
  broken: readonly BrokenEvent[],
): Promise<{ pending: Subjects[]; broken: Subjects[] }> {
  const subjects = await vault.resolve([...pending, ...broken].map((event) => event.identity));
  await identityEdges.keep(edgesOf(pending, subjects));
  return { pending: subjects.slice(0, pending.length), broken: subjects.slice(pending.length) };
}

function edgesOf(pending: readonly PendingEvent[], subjects: readonly Subjects[]): IdentityEdge[] {
  const edges: IdentityEdge[] = [];
  for (const [index, { linksIdentities }] of pending.entries()) {
    const told = subjects[index]?.edges;
    if (told !== undefined && linksIdentities) edges.push(...told);
  }
  return edges;
}

export function assemble(
  { record, index, isRetry, isRedelivered, enrichment }: PendingEvent,
  subjects: Subjects,
  processedAtMs: number,
): EnrichedEvent {
  const { timeMs, receivedAtMs } = enrichment;
  return {
    v: ENRICHED_VERSION,
    ...enrichment,
    processedAtMs,
    subject: subjects.subject,
    anonymousSubject: subjects.anonymousSubject,
    groupSubject: subjects.groupSubject,
    previousSubject: subjects.previousSubject,
    suspect: isSuspect({ isRetry, isRedelivered, timeMs, receivedAtMs, processedAtMs }),
    rawShard: record.rawShard,
    position: position(record.sequenceNumber, index),
  };
}

/** A batch's context of megabytes is merged into each of its events, so no record can hold such an event. */
export function oversized({ record, index, enrichment }: PendingEvent): KeptFailure {
  const { project, messageId, receivedAtMs, type, event, properties } = enrichment;
  const site = { record, index, project, messageId, receivedAtMs };
  const detail = "With its batch's context it is too large for the stream.";
  return failedEvent(
    site,
    { code: "invalid_event", pointer: "/context", detail },
    { type, messageId, event, properties },
  );
}
