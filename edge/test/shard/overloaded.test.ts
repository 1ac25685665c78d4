// Tests the errors that the runtime throws if a shard cannot be reached. Only `retryable && !overloaded` is retried, once, on a
// new stub. Every other error is answered to the client, who can retry without loss. The shard behind the stub is a real shard.
// docs/API_DOCUMENTATION.md#answers.

import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import type { Env } from "../../src/env.ts";
import type { BufferShard } from "../../src/shard/shard.ts";
import worker from "../../src/worker.ts";
import { bearer, goodEvent, ORIGIN } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { arrivedEvents, setFaults, untilArrived } from "../servers/kinesis/stream.ts";
import { restoreShards, shrinkShards } from "./small-shard.ts";
import { storedRows } from "./stub.ts";

interface Fault {
  retryable?: boolean;
  overloaded?: boolean;
  /** The shard did its work, but the answer was lost. */
  afterwards?: boolean;
}

/** The Worker's environment, in which each call to a shard fails with the fault that `next` returns; null means no fault. */
function failingEnv(next: () => Fault | null): { env: Env; calls: () => number; stubs: () => number } {
  let calls = 0;
  const appendedOver = new Set<object>();
  const through = (stub: DurableObjectStub<BufferShard>) => ({
    append2: async (call: Parameters<BufferShard["append2"]>[0]) => {
      calls++;
      appendedOver.add(stub);
      const fault = next();
      if (fault?.afterwards === true || fault === null) {
        const answers = await stub.append2(call);
        if (fault === null) return answers;
      }
      throw Object.assign(new Error("Durable Object is overloaded. Too many requests queued."), fault);
    },
    report: (counts: Parameters<BufferShard["report"]>[0]) => stub.report(counts),
    isWatched: () => stub.isWatched(),
  });
  const SHARD = {
    idFromName: (name: string) => env.SHARD.idFromName(name),
    get: (id: DurableObjectId) => through(env.SHARD.get(id)),
  };
  return {
    env: { ...env, SHARD: SHARD as unknown as Env["SHARD"] },
    calls: () => calls,
    stubs: () => appendedOver.size,
  };
}

interface Answer {
  status: number;
  retryAfter: string | null;
  body: Record<string, unknown>;
}

async function post(key: string, body: object, through: Env): Promise<Answer> {
  const request = new Request(`${ORIGIN}/v1/${"batch" in body ? "batch" : "track"}`, {
    method: "POST",
    headers: bearer(key),
    body: JSON.stringify(body),
  });
  const answer = await worker.fetch(request, through, createExecutionContext());
  return { status: answer.status, retryAfter: answer.headers.get("Retry-After"), body: await answer.json() };
}

/** Returns these faults in order, then no fault. */
function inTurn(faults: readonly Fault[]): () => Fault | null {
  const left = [...faults];
  return () => left.shift() ?? null;
}

describe("a shard that cannot be reached", () => {
  it.each<{ name: string; faults: Fault[]; code: string; calls: number }>([
    { name: "overloaded", faults: [{ overloaded: true }], code: "overloaded", calls: 1 },
    {
      name: "overloaded, though the runtime calls it retryable",
      faults: [{ overloaded: true, retryable: true }],
      code: "overloaded",
      calls: 1,
    },
    {
      name: "retryable, then overloaded",
      faults: [{ retryable: true }, { overloaded: true, retryable: true }],
      code: "overloaded",
      calls: 2,
    },
    {
      name: "retryable again and again",
      faults: [{ retryable: true }, { retryable: true }],
      code: "unavailable",
      calls: 2,
    },
    { name: "neither", faults: [{}], code: "unavailable", calls: 1 },
  ])("$name: answers 503 $code after $calls call(s), and accepts the retry", async ({ faults, code, calls }) => {
    const project = newProject("unreachable");
    const key = await newKey({ project });
    const event = goodEvent();
    const failing = failingEnv(inTurn(faults));
    const refused = await post(key, event, failing.env);
    expect(refused).toMatchObject({ status: 503, body: { success: false, code } });
    expect(refused.retryAfter).toMatch(/^[1-9]\d*$/);
    expect(failing.calls()).toBe(calls);
    expect(failing.stubs()).toBe(calls);
    expect(await storedRows(project)).toEqual([]);
    expect(await post(key, event, failing.env)).toMatchObject({ status: 200, body: { accepted: 1, duplicates: 0 } });
    expect([...(await untilArrived(project, [event.messageId])).keys()]).toEqual([event.messageId]);
  });

  it("is retried on a new stub after one retryable fault, unseen by the client", async () => {
    const project = newProject("retried");
    const key = await newKey({ project });
    const failing = failingEnv(inTurn([{ retryable: true }]));
    expect(await post(key, goodEvent(), failing.env)).toMatchObject({ status: 200, body: { accepted: 1 } });
    expect([failing.calls(), failing.stubs()]).toEqual([2, 2]);
  });

  it.each<Fault>([
    { retryable: true, afterwards: true },
    { overloaded: true, afterwards: true },
  ])("after it stored the event (%j) has the event once, after any retry", async (fault) => {
    const project = newProject("lost-answer");
    const key = await newKey({ project });
    const event = goodEvent();
    const failing = failingEnv(inTurn([fault]));
    const first = await post(key, event, failing.env);
    if (fault.overloaded === true) expect(first).toMatchObject({ status: 503, body: { code: "overloaded" } });
    else expect(first).toMatchObject({ status: 200, body: { accepted: 0, duplicates: 1 } });
    expect(await post(key, event, failing.env)).toMatchObject({ status: 200, body: { duplicates: 1 } });
    expect([...(await untilArrived(project, [event.messageId])).keys()]).toEqual([event.messageId]);
  });

  it("for half of the calls loses and doubles no event of clients that obey the answers", async () => {
    const project = newProject("half");
    const key = await newKey({ project });
    let turn = 0;
    const kinds: (Fault | null)[] = [null, { overloaded: true }, null, { overloaded: true, afterwards: true }];
    const failing = failingEnv(() => kinds[turn++ % kinds.length] as Fault | null);
    const batches = Array.from({ length: 40 }, () => Array.from({ length: 5 }, () => goodEvent()));
    const refusals: unknown[] = [];
    const deliver = async (batch: object[]) => {
      for (;;) {
        const answer = await post(key, { batch }, failing.env);
        if (answer.status === 200) {
          expect(Number(answer.body.accepted) + Number(answer.body.duplicates)).toBe(batch.length);
          return;
        }
        refusals.push([answer.status, answer.body.code]);
      }
    };
    await Promise.all(batches.map(deliver));
    expect(refusals.length).toBeGreaterThan(0);
    for (const refusal of refusals) expect(refusal).toEqual([503, "overloaded"]);
    const ids = batches.flat().map(({ messageId }) => messageId);
    await untilArrived(project, ids);
    // `arrivedEvents` fails if an event arrived twice.
    expect((await arrivedEvents(project)).size).toBe(ids.length);
  });
});

describe("a shard that is full", () => {
  afterEach(restoreShards);

  it("answers 503 storage_full until it has drained, and delivers exactly the accepted events", async () => {
    const project = newProject("full");
    const key = await newKey({ project });
    await setFaults(project, [{ kind: "status", status: 400, type: "LimitExceededException", times: 1_000_000 }]);
    shrinkShards({ shardHighWaterBytes: 3_000, shardLowWaterBytes: 1_000 });
    const taken: string[] = [];
    let answer: Answer;
    do {
      const event = goodEvent();
      answer = await post(key, event, env);
      if (answer.status === 200) taken.push(event.messageId);
    } while (answer.status === 200 && taken.length < 1_000);
    expect(answer).toMatchObject({ status: 503, body: { success: false, code: "storage_full" } });
    expect(answer.retryAfter).toMatch(/^[1-9]\d*$/);
    expect(taken.length).toBeGreaterThan(2);
    await setFaults(project, []);
    const stored = await untilArrived(project, taken);
    expect([...stored.keys()].sort()).toEqual(taken.sort());
    const later = goodEvent();
    expect(await post(key, later, env)).toMatchObject({ status: 200, body: { accepted: 1 } });
  });
});
