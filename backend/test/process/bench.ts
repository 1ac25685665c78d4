// Measures events per second of the processor's pure part on one core: decode, unpack, enrich, assemble, encode. The vault
// answers from memory, and the stores accept everything. `node backend/test/process/bench.ts [seconds]`

import { randomBytes } from "node:crypto";
import { type ProcessorParts, processRecords } from "../../src/process/pipeline.ts";
import type { RawRecord } from "../../src/process/record.ts";
import type { EventIds, Subjects } from "../../src/vault/index.ts";
import { batchLine, frame, shopEvent } from "./sample.ts";

const EVENTS_PER_BATCH = 100;
const BATCHES_PER_RECORD = 4;
const RECORDS = 25;
const seconds = Number(process.argv[2] ?? 3);

const surrogates = new Map<string, string>();
function surrogateOf(id: string): string {
  const known = surrogates.get(id) ?? randomBytes(16).toString("hex");
  surrogates.set(id, known);
  return known;
}

let emittedBytes = 0;
const parts: ProcessorParts = {
  replays: { take: async () => true },
  plans: { judges: async () => new Map() },
  ledger: { file: async () => ({ isCopy: async () => false }), fileCounts: async () => {} },
  vault: {
    resolve: async (events: readonly EventIds[]): Promise<Subjects[]> =>
      events.map(({ userId, anonymousId }) => ({
        subject: surrogateOf(userId ?? anonymousId ?? ""),
        anonymousSubject: anonymousId === null ? null : surrogateOf(anonymousId),
        groupSubject: null,
        previousSubject: null,
      })),
  },
  failedEvents: { storeAll: async () => {} },
  enriched: {
    put: async (_rawShard, frames) => {
      for (const bytes of frames) emittedBytes += bytes.byteLength;
    },
  },
  identityEdges: { keep: async () => {} },
  edgeCounters: { store: async () => {} },
  nowMs: Date.now,
};

let sentBytes = 0;
let eventIndex = 0;
const records: RawRecord[] = Array.from({ length: RECORDS }, (_, row) => {
  const lines = Array.from({ length: BATCHES_PER_RECORD }, () => {
    const events = Array.from({ length: EVENTS_PER_BATCH }, () => shopEvent(eventIndex++));
    sentBytes += JSON.stringify(events).length;
    return batchLine(events);
  });
  return {
    rawShard: "shardId-000000000000",
    sequenceNumber: String(49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898n + BigInt(row)),
    partitionKey: `shop-eu-0/${row}`,
    arrivedAtMs: Date.now(),
    frame: frame(lines),
    readAtMs: Date.now(),
  };
});

const run = () => processRecords(parts, records, () => 60_000);
await run();
emittedBytes = 0;
let events = 0;
let runs = 0;
const cpuBefore = process.cpuUsage();
const startedMs = performance.now();
while (performance.now() - startedMs < seconds * 1_000) {
  const { counts } = await run();
  events += counts.processed;
  runs++;
}
const cpu = process.cpuUsage(cpuBefore);
const wallSeconds = (performance.now() - startedMs) / 1_000;
const cpuSeconds = (cpu.user + cpu.system) / 1e6;
const round = (value: number) => Math.round(value).toLocaleString("en");
console.log(`event as sent        ${round(sentBytes / eventIndex)} bytes`);
console.log(`event as emitted     ${round(emittedBytes / runs / eventIndex)} bytes compressed`);
console.log(`events/s (wall)      ${round(events / wallSeconds)}`);
console.log(`events/CPU-second    ${round(events / cpuSeconds)}`);
