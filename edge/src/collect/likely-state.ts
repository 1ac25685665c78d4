// Remembers what shards recently answered about subjects' consent, in this isolate. Events are packed for that state of the
// ledger, so that a visitor who granted costs one call per event and not two. This memory decides nothing: the shard judges every
// event by its ledger, and says when this memory is wrong. ADR 016.

import { UNKNOWN_STATE } from "../consent/table.ts";
import type { NamedIds } from "./subjects.ts";

/** About the length of a visit to a site. */
const BELIEVED_MS = 10 * 60_000;
const SUBJECTS_MAX = 10_000;

interface Standing {
  state: number;
  learntAtMs: number;
}

const standings = new Map<string, Standing>();

/** The likely state of the ledger. Nearly all subjects have no state. */
export function likelyState(project: string, named: NamedIds, nowMs: number): number {
  // While no subject has granted or refused, no event pays for building the text of its name.
  if (standings.size === 0) return UNKNOWN_STATE;
  const standing = standings.get(nameOf(project, named));
  if (standing === undefined || Math.abs(nowMs - standing.learntAtMs) > BELIEVED_MS) return UNKNOWN_STATE;
  return standing.state;
}

/** Stores the state from a shard's answer. */
export function learnState(project: string, named: NamedIds, state: number, nowMs: number): void {
  const name = nameOf(project, named);
  standings.delete(name);
  if (state === UNKNOWN_STATE) return;
  // Evict the oldest entry.
  if (standings.size >= SUBJECTS_MAX) for (const oldest of standings.keys()) if (standings.delete(oldest)) break;
  standings.set(name, { state, learntAtMs: nowMs });
}

/** The separator is unambiguous, because no id has a control character. */
function nameOf(project: string, { anonymousId, userId, previousId, groupId }: NamedIds): string {
  return [project, anonymousId, userId, previousId, groupId].join("\0");
}
