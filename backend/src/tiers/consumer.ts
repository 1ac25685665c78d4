// Consumes the enriched stream for a tier: decodes records, stores unreadable lines as failed events, loads the events, and
// reports the record at which to resume. All three tiers share it. The handlers in ../lambdas only connect it.

import type { EnrichedEvent, FailedEvent } from "@behaviour/contract";
import type { StreamAnswer, StreamRecord } from "../stream/event.ts";
import { decodeEnrichedRecord, type EnrichedRecord } from "./records.ts";
import { addResult, emptyResult, type LoadResult, type Tier } from "./tier.ts";

/** Events of one load. They are decoded in memory at the same time, and are loaded again after a fault. */
const LOAD_EVENTS = 10_000;
/** With less time left, a load would be cut off. */
const LOAD_MS = 12_000;

export interface ConsumerParts {
  tier: Tier;
  /** Must resolve only when the events are stored. The same events are passed again after a fault. */
  storeFailed: (failed: readonly FailedEvent[]) => Promise<void>;
  nowMs?: () => number;
}

export interface Consumed {
  answer: StreamAnswer;
  result: LoadResult;
  /** The reason if the run stopped before the end; else null. */
  fault: unknown;
}

/** @param remainingMs checked before each load. The remaining records go back to the stream. */
export async function consumeRecords(
  { tier, storeFailed, nowMs = Date.now }: ConsumerParts,
  records: readonly StreamRecord[],
  remainingMs: () => number,
): Promise<Consumed> {
  const result = emptyResult();
  for (const group of groups(tier, records, nowMs)) {
    const [first] = group;
    if (first === undefined) continue;
    const resume = { batchItemFailures: [{ itemIdentifier: first.sequenceNumber }] };
    // The first group is always loaded, or a batch that is slow to decode would never end.
    if (first.sequenceNumber !== records[0]?.kinesis.sequenceNumber && remainingMs() < LOAD_MS) {
      return { answer: resume, result, fault: null };
    }
    try {
      const failed = group.flatMap((record) => record.failed);
      if (failed.length > 0) await storeFailed(failed);
      result.failed += failed.length;
      addResult(result, await tier.load(group.flatMap((record): EnrichedEvent[] => record.events)));
    } catch (fault) {
      return { answer: resume, result, fault };
    }
  }
  return { answer: { batchItemFailures: [] }, result, fault: null };
}

/** Groups whole records, in order, up to about `LOAD_EVENTS` events. Records are decoded as late as possible. */
function* groups(tier: Tier, records: readonly StreamRecord[], nowMs: () => number): Generator<EnrichedRecord[]> {
  let group: EnrichedRecord[] = [];
  let events = 0;
  for (const record of records) {
    const decoded = decodeEnrichedRecord(tier.name, record, nowMs());
    if (group.length > 0 && events + decoded.events.length > LOAD_EVENTS) {
      yield group;
      group = [];
      events = 0;
    }
    group.push(decoded);
    events += decoded.events.length;
  }
  if (group.length > 0) yield group;
}
