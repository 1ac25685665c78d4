// Drops records that went through before: redeliveries of a row (redelivery-ledger.ts), and replays of a failed event that was
// replayed already.

import type { ReplayClaims } from "../replay/claims.ts";
import { originShard } from "../stream/shard-name.ts";
import type { DecodedRecord } from "./decode.ts";
import type { FiledInvocation } from "./redelivery-ledger.ts";

export async function dropCopies(
  replays: Pick<ReplayClaims, "take">,
  filed: FiledInvocation,
  slice: readonly DecodedRecord[],
): Promise<{ originals: DecodedRecord[]; copies: DecodedRecord[] }> {
  const originals: DecodedRecord[] = [];
  const copies: DecodedRecord[] = [];
  for (const decoded of slice) {
    const isSecondTry = decoded.isMarked && (await filed.isCopy(decoded.record, oldestReceiptMs(decoded)));
    const isCopy = isSecondTry || !(await mayReplay(replays, decoded));
    (isCopy ? copies : originals).push(decoded);
  }
  return { originals, copies };
}

/** The first record that replays an original passes, and so does a second run of that record. */
async function mayReplay(replays: Pick<ReplayClaims, "take">, { record, replay }: DecodedRecord): Promise<boolean> {
  return replay === null || replays.take(replay, `${originShard(record.rawShard)} ${record.sequenceNumber}`);
}

function oldestReceiptMs({ record, lines }: DecodedRecord): number {
  let oldest = record.arrivedAtMs;
  for (const line of lines) if (line.kind === "envelope") oldest = Math.min(oldest, line.envelope.receivedAtMs);
  return oldest;
}

export function eventsOf({ lines }: DecodedRecord): number {
  let events = 0;
  for (const line of lines) {
    const batch = line.kind === "envelope" && line.envelope.shape === "batch" ? line.envelope.body.batch : undefined;
    events += Array.isArray(batch) ? batch.length : 1;
  }
  return events;
}
