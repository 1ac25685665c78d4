// Tests that concurrent requests share calls to the shard (collect/join.ts), and that calls carry appends as packed bytes
// (shard/append-call.ts). Neither may change the answer of a single request, or its stored events.

import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { appendJoined } from "../../src/collect/join.ts";
import { LEDGER_STATES } from "../../src/consent/table.ts";
import type { AppendAnswer, AppendInput } from "../../src/shard/append.ts";
import { packAppends, unpackAppends } from "../../src/shard/append-call.ts";
import { send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { appendInput, storedRows } from "../shard/stub.ts";

afterEach(reset);

const STORED: AppendAnswer = { outcome: "stored", watched: false };

describe("concurrent requests", () => {
  it("each get the answer for their own events, and share rows", async () => {
    const project = newProject("joined");
    const key = await newKey({ project });
    const headers = { Authorization: `Bearer ${key}` };
    const body = (messageId: string) => ({ event: "Viewed", messageId, anonymousId: "a" });
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => send("/v1/track", { headers, body: body(`m-${index % 50}`) })),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const sum = (counter: "accepted" | "duplicates") =>
      answers.reduce((total, answer) => total + answer.body[counter], 0);
    expect([sum("accepted"), sum("duplicates")]).toEqual([50, 10]);
    expect((await storedRows(project)).length).toBeLessThan(25);
  });
});

describe("a shared call", () => {
  /** A shard that answers each call when the test says so. */
  function scriptedShard() {
    const calls: { inputs: AppendInput[]; answer: (answers: AppendAnswer[]) => void; fail: (fault: Error) => void }[] =
      [];
    const call = (inputs: AppendInput[]) =>
      new Promise<AppendAnswer[]>((answer, fail) => {
        calls.push({ inputs, answer, fail });
      });
    return { calls, call };
  }

  it("is made immediately if no call is running, and the next carries all appends that arrive meanwhile", async () => {
    const { calls, call } = scriptedShard();
    const name = newProject("calls");
    const first = appendJoined(name, appendInput(["a"]), call);
    const others = ["b", "c", "d"].map((id) => appendJoined(name, appendInput([id]), call));
    expect(calls.map(({ inputs }) => inputs.length)).toEqual([1]);
    calls[0]?.answer([STORED]);
    expect(await first).toEqual(STORED);
    await vi.waitFor(() => expect(calls.map(({ inputs }) => inputs.length)).toEqual([1, 3]));
    calls[1]?.answer([STORED, { outcome: "refused", code: "overloaded" }, STORED]);
    expect((await Promise.all(others)).map(({ outcome }) => outcome)).toEqual(["stored", "refused", "stored"]);
  });

  it("that is slow delays no other append: a second call starts beside it", async () => {
    const { calls, call } = scriptedShard();
    const name = newProject("slow");
    const slow = appendJoined(name, appendInput(["a"]), call);
    const other = appendJoined(name, appendInput(["b"]), call);
    await vi.waitFor(() => expect(calls).toHaveLength(2));
    calls[1]?.answer([STORED]);
    expect(await other).toEqual(STORED);
    calls[0]?.answer([STORED]);
    expect(await slow).toEqual(STORED);
  });

  it("that fails fails for all its appends, and for no later append", async () => {
    const { calls, call } = scriptedShard();
    const name = newProject("failing");
    const outcomes = ["a", "b"].map((id) =>
      appendJoined(name, appendInput([id]), call).then(
        () => "stored",
        (fault: unknown) => String(fault),
      ),
    );
    calls[0]?.fail(new Error("broken"));
    await vi.waitFor(() => expect(calls).toHaveLength(2));
    calls[1]?.fail(new Error("broken too"));
    expect(await Promise.all(outcomes)).toEqual(["Error: broken", "Error: broken too"]);
    const later = appendJoined(name, appendInput(["c"]), call);
    await vi.waitFor(() => expect(calls).toHaveLength(3));
    calls[2]?.answer([STORED]);
    expect(await later).toEqual(STORED);
  });
});

/** Bytes as text, so that a reported difference fits on a screen. */
function comparable({ ids, data, claim, ...rest }: AppendInput) {
  const text = (bytes: Uint8Array | null) => (bytes === null ? null : [...bytes].join(" "));
  const { tables, tableOf, packedAs, subjects } = claim;
  return { ...rest, ids: text(ids), data: text(data), claim: [tables, tableOf, packedAs, subjects].map(text) };
}

describe("the packed message", () => {
  it("carries every field of every append", () => {
    const claim = {
      tables: new Uint8Array(2 * LEDGER_STATES).map((_, index) => index % 4),
      tableOf: Uint8Array.of(0, 1),
      packedAs: Uint8Array.of(2, 1),
      // Only the ledger reads this field, so it may have any length.
      subjects: new Uint8Array(55).map((_, index) => index),
    };
    const inputs: AppendInput[] = [
      appendInput(["a", "b", "c"], { compressed: true, keyId: "one", eventsPerSecond: 7 }),
      { ...appendInput(["d", "e"], { oldestMs: -1, keyId: "two" }), claim },
      appendInput(["f"], { keyId: "one", padding: 8 }),
    ];
    expect(unpackAppends(packAppends(inputs)).map(comparable)).toEqual(inputs.map(comparable));
  });

  it("may be empty", () => {
    expect(unpackAppends(packAppends([]))).toEqual([]);
  });
});
