// Tests which of the processor's filed counts are ingested: each record once, however it was filed, and no record too early.

import { describe, expect, it } from "vitest";
import { ledgerRecord, packLedger } from "../../src/process/redelivery-entry.ts";
import { packCounts } from "../../src/process/tally.ts";
import { type FiledItem, planIngestion } from "../../src/reconcile/ingest.ts";

const NOW_MS = 1_764_072_000_000;
const MINUTE_MS = 60_000;
const HOUR_AGO_MS = NOW_MS - 3_600_000;

/** An invocation over records `from` to `to` that completed the first `done`. Each has one event, all in one minute. */
function item(from: number, to: number, done: number | null = to - from + 1, filedAtMs = HOUR_AGO_MS): FiledItem {
  const sequences = Array.from({ length: to - from + 1 }, (_, place) => String(from + place));
  const counted = sequences.slice(0, done ?? 0);
  const counts = counted.map((sequenceNumber) => ({
    sequenceNumber,
    project: "p",
    minuteMs: NOW_MS,
    processed: 1,
    failed: 0,
    redelivered: 0,
    repeated: 0,
  }));
  return {
    sk: `${String(from).padStart(15, "0")}#${from}`,
    filedAtMs,
    records: packLedger(sequences.map((sequence) => ledgerRecord("key", sequence))),
    counts: done === null ? undefined : packCounts(counted, counts),
  };
}

const taken = (items: FiledItem[], before: number | null = null) => {
  const checkpoint = before === null ? null : { sequence: BigInt(before), sk: "0" };
  const ingestion = planIngestion(items, checkpoint, NOW_MS);
  return [
    ingestion.counts.reduce((sum, { processed }) => sum + processed, 0),
    Number(ingestion.checkpoint?.sequence ?? -1n),
    ingestion.givenUp,
  ];
};

describe("planIngestion", () => {
  it.each<[string, FiledItem[], number | null, number[]]>([
    ["no records if there are no items", [], null, [0, -1, 0]],
    ["an invocation", [item(1, 10)], null, [10, 10, 0]],
    ["the records after the checkpoint", [item(1, 10), item(11, 20)], 15, [5, 20, 0]],
    ["no record twice", [item(1, 10)], 10, [0, 10, 0]],
    ["records once that were filed again in other groups", [item(1, 10), item(6, 15)], null, [15, 15, 0]],
    ["the records that an invocation completed before it stopped", [item(1, 10, 4)], null, [4, 4, 0]],
    ["the remaining records from the next invocation", [item(1, 10, 4), item(5, 12)], null, [12, 12, 0]],
    ["no record of an invocation that still runs", [item(1, 10, null)], null, [0, -1, 0]],
    [
      "no record after an invocation that is run again",
      [item(1, 10, null, NOW_MS - MINUTE_MS), item(11, 20)],
      null,
      [0, -1, 0],
    ],
    [
      "the records that follow records that failed permanently",
      [item(1, 2), item(3, 4, null), item(5, 9)],
      null,
      [7, 9, 2],
    ],
    ["no failed records at the end, because they may still complete", [item(1, 2), item(3, 4, null)], null, [2, 2, 0]],
    [
      "the records of an invocation that crashed and ran again",
      [item(1, 10, null), item(1, 5), item(6, 10)],
      null,
      [10, 10, 0],
    ],
  ])("ingests %s", (_name, items, before, expected) => {
    expect(taken(items, before)).toEqual(expected);
  });
});
