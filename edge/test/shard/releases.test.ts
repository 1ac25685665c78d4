// Tests two releases that run at the same time: after a deploy a Worker calls shards of the previous release, and the reverse. A
// call that is not understood is refused before anything is stored. A call that is understood means the same to both. ADR 011.

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { sendAppends } from "../../src/collect/send-appends.ts";
import type { AppendAnswer, AppendInput } from "../../src/shard/append.ts";
import { type AppendCall, packAppends, unpackAppends } from "../../src/shard/append-call.ts";
import { packAppends1, unpackAppends1 } from "../../src/shard/append-call-1.ts";
import { subjectsFromVersion1 } from "../../src/shard/consent-claim.ts";
import type { BufferShard } from "../../src/shard/shard.ts";
import golden from "../golden/append-call-1.json";
import * as previous from "../golden/previous-append-call.ts";
import { newProject } from "../keys.ts";
import { setFaults } from "../servers/kinesis/stream.ts";
import { appendInput, shardOf, storedRows } from "./stub.ts";

const CLOSED = {
  kind: "status",
  status: 400,
  type: "ProvisionedThroughputExceededException",
  times: 1_000_000,
} as const;
const NOW_MS = 1_764_500_000_000;

function goldenCall(): AppendCall {
  const bytes = Uint8Array.from(golden.bytes.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  return { numbers: Float64Array.from(golden.numbers), bytes, keyIds: golden.keyIds };
}

/** Bytes as text, so that a reported difference fits on a screen. */
function comparable({ ids, data, claim, ...rest }: AppendInput) {
  const text = (bytes: Uint8Array | null) => (bytes === null ? null : [...bytes].join(" "));
  const { tables, tableOf, packedAs, subjects } = claim;
  return { ...rest, ids: text(ids), data: text(data), claim: [tables, tableOf, packedAs, subjects].map(text) };
}

function withSubjects(input: AppendInput, subjects: Uint8Array | null): AppendInput {
  return { ...input, claim: { ...input.claim, subjects } };
}

async function closedProject(name: string): Promise<string> {
  const project = newProject(name);
  await setFaults(project, [CLOSED]);
  return project;
}

describe("a call of the previous release", () => {
  it("is read with the same meaning as in that release", () => {
    const inputs = unpackAppends1(goldenCall());
    const asThen = previous.unpackAppends(goldenCall());
    const ids = asThen.map(({ claim }) => (claim.subjects === null ? null : subjectsFromVersion1(claim.subjects)));
    const expected = asThen.map((input, index) => withSubjects(input, ids[index] ?? null));
    expect(inputs.map(comparable)).toEqual(expected.map(comparable));
    expect(inputs.map(({ receivedAtMs, rate }) => [receivedAtMs, rate.keyId])).toEqual([
      [NOW_MS, "one"],
      [NOW_MS + 1, "two"],
      [NOW_MS + 2, "one"],
    ]);
  });

  it("is stored by the current shard through the old method", async () => {
    const project = await closedProject("old-worker");
    const inputs = [appendInput(["a", "b"]), appendInput(["c"], { compressed: true })];
    const answers = await shardOf(project).append(previous.packAppends(inputs));
    expect(answers).toEqual(inputs.map(() => ({ outcome: "stored", watched: false })));
    const again = await shardOf(project).append(previous.packAppends([appendInput(["x", "b"])]));
    // Exactly the answer that Workers of that release read.
    expect(again).toEqual([{ outcome: "again", duplicates: [1], changes: [], needsSubjects: false, watched: false }]);
    expect((await storedRows(project)).reduce((sum, { ids }) => sum + ids.byteLength, 0)).toBe(3 * 8);
  });

  it("is written by the current Worker byte for byte as in that release", () => {
    const inputs = previous.unpackAppends(goldenCall()).map((input) => {
      const { subjects } = input.claim;
      if (subjects === null) return input;
      return { ...input, claim: { ...input.claim, subjects: new Uint8Array(0), oldSubjects: () => subjects } };
    });
    expect(packAppends1(inputs)).toEqual(goldenCall());
  });
});

describe("a shard of the previous release", () => {
  /** The current shard without the method that the previous release did not have. */
  function previousShard(project: string, calls: string[]) {
    const stub = shardOf(project);
    return {
      append: (call: AppendCall) => {
        calls.push("append");
        previous.unpackAppends(call);
        return stub.append(call);
      },
      // Called through the runtime, so that the Worker recognises the runtime's own error message.
      append2: (call: AppendCall) => {
        calls.push("append2");
        const missing = env.DIRECTORY.get(env.DIRECTORY.idFromName("without-append2"));
        return (missing as unknown as { append2(call: AppendCall): Promise<AppendAnswer[]> }).append2(call);
      },
    } as unknown as ReturnType<typeof shardOf>;
  }

  it("is called through its own method, and the new method is tried again only later", async () => {
    const project = await closedProject("old-shard");
    const calls: string[] = [];
    const stub = () => previousShard(project, calls);
    const inputs = [appendInput(["a"]), appendInput(["b", "c"], { compressed: true })];
    expect(await sendAppends(project, stub, inputs)).toMatchObject(inputs.map(() => ({ outcome: "stored" })));
    expect(await sendAppends(project, stub, [appendInput(["a"])])).toMatchObject([{ outcome: "again" }]);
    expect(calls).toEqual(["append2", "append", "append"]);
  });

  it("is not assumed after a fault other than a missing method", async () => {
    const faulty = {
      append2: () => Promise.reject(new Error("Durable Object is overloaded")),
      append: () => Promise.reject(new Error("must not be called")),
    } as unknown as ReturnType<typeof shardOf>;
    await expect(sendAppends("faulty", () => faulty, [appendInput(["a"])])).rejects.toThrow("overloaded");
  });
});

/** Calls with another layout, or damaged in transit. */
const DAMAGED: [name: string, damage: (call: AppendCall) => AppendCall][] = [
  ["no version", (call) => ({ ...call, numbers: call.numbers.slice(1) })],
  [
    "an unknown version",
    (call) => ({ ...call, numbers: Float64Array.from(call.numbers, (n, i) => (i === 0 ? 3 : n)) }),
  ],
  ["one more number per append", (call) => ({ ...call, numbers: Float64Array.of(...call.numbers, 0) })],
  ["one more append", (call) => ({ ...call, numbers: Float64Array.of(...call.numbers, ...call.numbers.slice(2, 12)) })],
  ["one byte less", (call) => ({ ...call, bytes: call.bytes.slice(0, -1) })],
  ["one byte more", (call) => ({ ...call, bytes: Uint8Array.of(...call.bytes, 0) })],
  ["no keys", (call) => ({ ...call, keyIds: [] })],
  ["no bytes", (call) => ({ ...call, bytes: new Uint8Array(0) })],
  ["bytes of another kind", (call) => ({ ...call, bytes: [...call.bytes] as unknown as Uint8Array })],
  ["the previous layout", () => goldenCall()],
];

describe("a call that is not understood", () => {
  const whole = () => packAppends([appendInput(["a", "b"], { compressed: true }), appendInput(["c"])]);

  it.each(DAMAGED)("with %s throws and stores nothing", async (_name, damage) => {
    const project = newProject("misread");
    expect(() => unpackAppends(damage(whole()))).toThrow("another release");
    const told = await runInDurableObject(shardOf(project), (shard: BufferShard) =>
      shard.append2(damage(whole())).then(() => "stored", String),
    );
    expect(told).toContain("another release");
    expect(await storedRows(project)).toEqual([]);
  });

  it("with any number changed throws or has the same lengths", () => {
    const call = whole();
    for (let at = 0; at < call.numbers.length; at++) {
      for (const value of [-1, 0.5, 7, 1e300, Number.NaN, Number.POSITIVE_INFINITY]) {
        const numbers = Float64Array.from(call.numbers, (number, index) => (index === at ? value : number));
        const read = attempt(() => unpackAppends({ ...call, numbers }));
        expect(read?.map(({ ids }) => ids.byteLength) ?? "threw").toSatisfy(isWhole);
      }
    }
  });

  it("with the current layout makes the previous method throw", () => {
    expect(() => unpackAppends1(whole())).toThrow("another release");
    const many = Array.from({ length: 8 }, (_, index) => appendInput([`m-${index}`]));
    expect(() => unpackAppends1(packAppends(many))).toThrow("another release");
  });

  it("with nine numbers per append, as sent by the audit, throws", () => {
    const { numbers, bytes, keyIds } = goldenCall();
    const nine = Float64Array.from({ length: 27 }, (_, i) =>
      i % 9 === 8 ? 1 : (numbers[i - Math.floor(i / 9)] as number),
    );
    expect(() => unpackAppends1({ numbers: nine, bytes, keyIds })).toThrow("another release");
  });
});

function isWhole(lengths: number[] | "threw"): boolean {
  return lengths === "threw" || lengths.join() === "16,8";
}

function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}
