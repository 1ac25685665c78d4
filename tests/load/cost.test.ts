// The arithmetic of `npm run bench -- --cost`, and the choice of its runs.

import { expect, it } from "vitest";
import { readOptions } from "./bench-options.ts";
import { costOf, costRow, fellBehind, type Operations, operationsBetween, type Run, type Scenario } from "./cost.ts";
import { partToRun, scenarios } from "./cost-bench.ts";

const nothing: Operations = {
  objectRequests: {},
  rowsWritten: 0,
  rowsRead: 0,
  alarmsSet: 0,
  rowsStanding: 0,
  kvReads: 0,
  objectsCalledAtMs: {},
};

/** A million events in a thousand seconds, one request each, and no other operation. */
const bare: Run = {
  ...operationsBetween(nothing, nothing, 0),
  events: 1_000_000,
  requests: 1_000_000,
  seconds: 1_000,
  cpuSeconds: 0,
  putRecordsCalls: 0,
};

it("a single event costs 45 cents a million when no requests join, before any row: the platform's minimum", () => {
  const { worker, objects, sum } = costOf({ ...bare, objectRequests: { "BufferShard.append": 1_000_000 } });
  expect([worker, objects, sum].map((dollars) => dollars.toFixed(3))).toEqual(["0.300", "0.150", "0.450"]);
});

it.each([
  ["cpu", { cpuSeconds: 150 }, 0.003],
  ["rowsWritten", { rowsWritten: 200_000, rowsToDelete: 70_000, alarmsSet: 4_000 }, 0.274],
  ["rowsRead", { rowsRead: 1_000_000 }, 0.001],
  ["duration", { objects: 64 }, 0.1024],
  ["kv", { kvReads: 68_000 }, 0.034],
] as const)("%s is priced by its count, and no other part changes", (part, counted, dollars) => {
  const cost = costOf({ ...bare, ...counted });
  expect(cost[part]).toBeCloseTo(dollars, 6);
  expect(cost.sum).toBeCloseTo(0.3 + dollars, 6);
  // Twice the events for the same operations cost half the price.
  expect(costOf({ ...bare, ...counted, events: 2_000_000 })[part]).toBeCloseTo(dollars / 2, 6);
});

it("operations before the run do not count for the run", () => {
  const before: Operations = {
    objectRequests: { "BufferShard.append": 10, "BufferShard.alarm": 1 },
    rowsWritten: 20,
    rowsRead: 30,
    alarmsSet: 2,
    rowsStanding: 9,
    kvReads: 4,
    objectsCalledAtMs: { "BufferShard/a": 1_000, "BufferShard/b": 1_500 },
  };
  const after: Operations = {
    objectRequests: { "BufferShard.append": 15, "BufferShard.alarm": 1, "BufferShard.report": 2 },
    rowsWritten: 26,
    rowsRead: 37,
    alarmsSet: 3,
    rowsStanding: 5,
    kvReads: 4,
    objectsCalledAtMs: { "BufferShard/a": 2_500, "BufferShard/b": 1_500 },
  };
  expect(operationsBetween(before, after, 2_000)).toEqual({
    objectRequests: { "BufferShard.append": 5, "BufferShard.report": 2 },
    rowsWritten: 6,
    rowsToDelete: 0,
    rowsRead: 7,
    alarmsSet: 1,
    kvReads: 0,
    objects: 1,
  });
});

it("a run that was too slow reports it, and a run without a rate cannot be too slow", () => {
  expect([1_000, 1_100, 1_200, null].map((asked) => fellBehind(asked, bare))).toEqual([false, false, true, false]);
});

it("the runs are all runs or the requested runs, and a run that is too large for a machine runs as one shard's part", () => {
  const all = { name: "cost", shards: null, isolates: null, eventsPerSecond: null, serverShards: null } as const;
  const rates = new Set(scenarios(all).map(({ eventsPerSecond }) => eventsPerSecond));
  expect(rates).toEqual(new Set([10, 1_000, 50_000]));
  const mode = readOptions(["--cost", "--shards", "16", "--isolates", "8", "--rate", "1000"]);
  expect(mode).toMatchObject({ mode: { name: "cost", shards: 16, isolates: 8, eventsPerSecond: 1_000 } });
  const some = scenarios({ ...all, shards: 16, isolates: 8, eventsPerSecond: 1_000 });
  expect(some.map(({ name, shards, isolates }) => [name, shards, isolates])).toEqual([
    ["single", 16, 8],
    ["20 of one device", 16, 8],
    ["20 of many users", 16, 8],
  ]);
  const large = { name: "", eventsPerSecond: 50_000, shards: 64, isolates: 32 };
  const single: Scenario = { ...large, batch: 1, oneDevice: false };
  expect(partToRun(single)).toEqual({ shards: 1, eventsPerSecond: 781.25 });
  expect(partToRun({ ...single, batch: 20 })).toEqual({ shards: 64, eventsPerSecond: null });
  expect(partToRun({ ...single, eventsPerSecond: 1_000 })).toEqual({ shards: 64, eventsPerSecond: 1_000 });
  expect(costRow(single, bare, 1)).toMatch(/50,000 +1,000 +1 of 64 +32 /);
});
