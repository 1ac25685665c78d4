// What shards said lately of the consent of subjects, in this isolate: events are packed for that state of the ledger, so that a
// visitor who granted costs one call an event and not two. It decides nothing: the shard judges every event by its ledger, and
// says when this memory is wrong. ADR 016.

import { UNKNOWN_STATE } from "../consent/table.ts";
import type { NamedIds } from "./subjects.ts";

/** A visitor's stay on a site, about. */
const BELIEVED_MS = 10 * 60_000;
const SUBJECTS_MAX = 10_000;

interface Standing {
  state: number;
  learntAtMs: number;
}

const standings = new Map<string, Standing>();

/** The ledger's state, as it likely is: nearly all subjects have none. */
export function likelyState(project: string, named: NamedIds, nowMs: number): number {
  // Where nobody has granted or refused, no event pays for the text of its name.
  if (standings.size === 0) return UNKNOWN_STATE;
  const standing = standings.get(nameOf(project, named));
  if (standing === undefined || Math.abs(nowMs - standing.learntAtMs) > BELIEVED_MS) return UNKNOWN_STATE;
  return standing.state;
}

/** From a shard's answer. */
export function learnState(project: string, named: NamedIds, state: number, nowMs: number): void {
  const name = nameOf(project, named);
  standings.delete(name);
  if (state === UNKNOWN_STATE) return;
  // The oldest goes first.
  if (standings.size >= SUBJECTS_MAX) for (const oldest of standings.keys()) if (standings.delete(oldest)) break;
  standings.set(name, { state, learntAtMs: nowMs });
}

/** No id has a control character in it. */
function nameOf(project: string, { anonymousId, userId, previousId, groupId }: NamedIds): string {
  return [project, anonymousId, userId, previousId, groupId].join("\0");
}
