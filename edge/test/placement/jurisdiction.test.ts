// Tests that a deployment in a jurisdiction only uses Durable Objects within that jurisdiction. Workerd has no jurisdictions, so
// the test replaces Cloudflare's namespaces. A replaced namespace only returns objects after it was restricted to the
// jurisdiction.

import { createExecutionContext, reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { PlacedObject } from "../../src/placement/placed-object.ts";
import { regionOf, regionsOf, shardName } from "../../src/placement/shard-name.ts";
import { packAppends } from "../../src/shard/append-call.ts";
import { packSubjects } from "../../src/shard/consent-claim.ts";
import { BufferShard } from "../../src/shard/shard.ts";
import worker, * as exported from "../../src/worker.ts";
import { bearer, goodEvent, ORIGIN } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { appendInput, rowsOf, shardOf } from "../shard/stub.ts";

afterEach(reset);

type Environment = typeof env;

/** A binding to a service responds to any property name, so only the class distinguishes a namespace. */
const isNamespace = (binding: unknown) => (binding as object | null)?.constructor?.name === "DurableObjectNamespace";

/** The environment that the runtime passes to a deployment in the EU. */
function europe(): { environment: Environment; confined: Set<string> } {
  const confined = new Set<string>();
  const environment: Record<string, unknown> = { ...env, JURISDICTION: "eu" };
  for (const [name, binding] of Object.entries(env)) {
    if (!isNamespace(binding)) continue;
    environment[name] = {
      jurisdiction: (jurisdiction: string) => {
        expect(jurisdiction).toBe("eu");
        confined.add(name);
        return binding;
      },
    };
  }
  return { environment: environment as unknown as Environment, confined };
}

function post(path: string, key: string, body: object, environment: Environment, continent = "NA"): Promise<Response> {
  const request = new Request(`${ORIGIN}${path}`, {
    method: "POST",
    headers: bearer(key),
    body: JSON.stringify(body),
    cf: { continent, country: "US" } as unknown as CfProperties,
  });
  return worker.fetch(request, environment, createExecutionContext());
}

async function rowsIn(project: string, region: string): Promise<number> {
  const shard = env.SHARD.get(env.SHARD.idFromName(shardName(project, region, 0)));
  return (await rowsOf(shard)).length;
}

describe("a deployment of the EU", () => {
  it("confines every namespace of objects", async () => {
    const { environment, confined } = europe();
    await post("/v1/track", "wk_live_unknown", goodEvent(), environment);
    const namespaces = Object.entries(env)
      .filter(([, binding]) => isNamespace(binding))
      .map(([name]) => name);
    expect(namespaces).toContain("SHARD");
    expect([...confined].sort()).toEqual(namespaces.sort());
  });

  it("stores events and consent with no other namespace", async () => {
    const { environment } = europe();
    const project = newProject("europe");
    const key = await newKey({ project, kind: "secret" });
    const refusal = { anonymousId: "refuses", purposes: { analytics: "denied" }, method: "banner" };
    expect((await post("/v1/consent", key, refusal, environment)).status).toBe(200);
    const answers = [];
    for (const anonymousId of ["agrees", "refuses"]) {
      const answer = await post("/v1/track", key, goodEvent({ anonymousId }), environment);
      answers.push(await answer.json<Record<string, unknown>>());
    }
    expect(answers).toMatchObject([{ accepted: 1 }, { accepted: 0, suppressed: 1 }]);
    expect(await rowsIn(project, "eu")).toBe(1);
    expect(await rowsIn(project, "na")).toBe(0);
  });

  it("has shards that call no other directory and no other ledger", async () => {
    const { environment } = europe();
    const input = appendInput(["a"]);
    const claim = { ...input.claim, subjects: packSubjects([[]]) };
    await runInDurableObject(shardOf(newProject("shard-of-europe")), async (_shard, state) => {
      const shard = new BufferShard(state, environment);
      expect(await shard.append2(packAppends([{ ...input, claim }]))).toMatchObject([{ outcome: "stored" }]);
    });
  });

  it("sweeps its shards", async () => {
    const { environment } = europe();
    const minute = { scheduledTime: Date.now(), cron: "* * * * *", noRetry: () => {} };
    await expect(worker.scheduled(minute, environment)).resolves.toBeUndefined();
  });

  it("has one region, for any continent of the caller", () => {
    const { environment } = europe();
    const caller = new Request(ORIGIN, { cf: { continent: "AS" } as unknown as CfProperties });
    expect(regionOf(caller, environment).code).toBe("eu");
    expect(regionOf(caller, env).code).toBe("as");
    expect(regionsOf(environment).map(({ locationHint }) => locationHint)).toEqual(["weur"]);
  });
});

it("a deployment of an unknown jurisdiction stores nothing", async () => {
  const key = await newKey({ project: newProject("mars") });
  await expect(
    Promise.resolve().then(() => post("/v1/track", key, goodEvent(), { ...env, JURISDICTION: "mars" })),
  ).rejects.toThrow("JURISDICTION");
});

const CLASSES = Object.entries<unknown>(exported).filter(([name]) => name !== "default");

it.each(CLASSES)("%s is confined", (_name, exportedClass) => {
  expect(Object.getPrototypeOf(exportedClass)).toBe(PlacedObject);
});
