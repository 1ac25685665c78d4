// Every odd input that the edge's tests know of, sent to a whole pipeline as over the network, each followed by a good event;
// in the end all of the good ones are in every tier, once. The tables are the edge's own (edge/test/collect/table.ts); what they expect
// of the answer and of the stream is looked at here too.

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { standInFront } from "../harness/edge-stand-in.ts";
import { Pipeline } from "../harness/pipeline.ts";
import { readTiers, type Tiers } from "../harness/stores.ts";

const TABLES = [
  "batches",
  "credentials",
  "encodings",
  "events",
  "heavy",
  "json",
  "limits",
  "origins",
  "pixel",
  "routes",
  "settings",
  "sizes",
  "times",
  "values",
];
/** Followed by a good event each. */
const ODD_INPUTS_AT_LEAST = 250;
const SETTLE_MS = 90_000;

/** Not by its name: the edge's tests are checked against the types of another runtime. */
function importEdge<Module>(path: string): Promise<Module> {
  return import(fileURLToPath(new URL(`../../edge/test/${path}`, import.meta.url))) as Promise<Module>;
}

let pipeline: Pipeline;
let front: Awaited<ReturnType<typeof standInFront>>;

beforeAll(async () => {
  pipeline = await Pipeline.start();
  front = await standInFront(pipeline);
});

afterAll(async () => {
  front?.close();
  await pipeline?.remove();
});

describe.each(TABLES)("%s", async (table) => {
  await importEdge(`answers/${table}.test.ts`);
});

/** What is wrong with a project's tiers; the hot one only counts, so it must count what the others hold. */
function faultsOf(project: string, taken: ReadonlySet<string>, tiers: Tiers): string[] {
  const faults: string[] = [];
  for (const tier of ["warm", "cold"] as const) {
    for (const id of taken) if (!tiers[tier].has(id)) faults.push(`${project}: ${id} is not in ${tier}`);
    for (const [id, copies] of tiers[tier])
      if (copies !== 1) faults.push(`${project}: ${id} is in ${tier} ${copies} times`);
  }
  const counts = { hot: tiers.hot, warm: tiers.warm.size, cold: tiers.cold.size };
  if (new Set(Object.values(counts)).size !== 1) faults.push(`${project}: ${JSON.stringify(counts)}`);
  return faults.slice(0, 5);
}

describe("after all of them", () => {
  it("every good event is in every tier, once", async () => {
    const { takenByProject } = await importEdge<{ takenByProject: Map<string, Set<string>> }>("answers/table.ts");
    expect(takenByProject.size).toBe(TABLES.length);
    const taken = [...takenByProject.values()].reduce((sum, ids) => sum + ids.size, 0);
    expect(taken).toBeGreaterThan(ODD_INPUTS_AT_LEAST);
    const deadline = Date.now() + SETTLE_MS;
    for (const [project, ids] of takenByProject) {
      let faults: string[];
      do faults = faultsOf(project, ids, await readTiers(pipeline.endpoints, project));
      while (faults.length > 0 && Date.now() < deadline);
      expect(faults).toEqual([]);
    }
  });

  it("no answer was a fault of ours", () => {
    expect([...front.statuses].filter(([status]) => status >= 500)).toEqual([]);
  });
});
