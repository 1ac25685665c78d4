// Every odd input from the edge's tests is sent to a whole pipeline over the network, and each is followed by a good event. At
// the end every good event is in every tier, once. The tables are the edge's own (edge/test/collect/table.ts). Their expectations
// about the answer and the stream are checked here too.

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { standInFront } from "../harness/edge-stand-in.ts";
import { Pipeline } from "../harness/pipeline.ts";
import { readTiers, type Tiers } from "../harness/stores.ts";

/** Tests of the edge, by folder. */
const TABLES = [
  "collect/batches",
  "access/credentials",
  "body/encodings",
  "collect/events",
  "collect/heavy",
  "body/json",
  "collect/limits",
  "access/origins",
  "collect/pixel",
  "collect/routes",
  "collect/settings",
  "body/sizes",
  "collect/times",
  "collect/values",
];
/** Each is followed by a good event. */
const ODD_INPUTS_AT_LEAST = 250;
const SETTLE_MS = 90_000;

/** Not imported by its name, because the edge's tests are checked against the types of another runtime. */
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
  await importEdge(`${table}.test.ts`);
});

/**
 * The faults in a project's tiers. The hot tier holds only counts, so its count must equal the number of messages in the other
 * tiers.
 */
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
    const { takenByProject } = await importEdge<{ takenByProject: Map<string, Set<string>> }>("collect/table.ts");
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

  it("no answer was a server error", () => {
    expect([...front.statuses].filter(([status]) => status >= 500)).toEqual([]);
  });
});
