// Tests the deadline of answers of unknown length, with fake timers.

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { boundIdle, withIdleDeadline } from "../../src/outbound/idle-deadline.ts";

const IDLE_MS = 10_000;
const LATE = `Error: nothing came within ${IDLE_MS} ms`;
const encoder = new TextEncoder();

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

/** A body that the test writes piece by piece. */
function handWritten() {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let cancelled = false;
  const source = new ReadableStream<Uint8Array>({
    start: (given) => void (controller = given),
    cancel: () => void (cancelled = true),
  });
  return { source, write: (text: string) => controller.enqueue(encoder.encode(text)), isCancelled: () => cancelled };
}

it("allows a body any time while bytes arrive", async () => {
  const { source, write } = handWritten();
  const reader = boundIdle(source, IDLE_MS).getReader();
  for (let piece = 0; piece < 20; piece++) {
    const read = reader.read();
    await vi.advanceTimersByTimeAsync(IDLE_MS - 1);
    write("x");
    expect((await read).done).toBe(false);
  }
});

it("aborts a body without new bytes, and cancels its source", async () => {
  const { source, write, isCancelled } = handWritten();
  const reader = boundIdle(source, IDLE_MS).getReader();
  write("half a li");
  await reader.read();
  const broken = reader.read().catch(String);
  await vi.advanceTimersByTimeAsync(IDLE_MS);
  expect(await broken).toBe(LATE);
  expect(isCancelled()).toBe(true);
});

it("does not count the time in which the client reads nothing", async () => {
  const { source, write } = handWritten();
  const reader = boundIdle(source, IDLE_MS).getReader();
  write("x");
  await vi.advanceTimersByTimeAsync(100 * IDLE_MS);
  expect((await reader.read()).done).toBe(false);
});

it("cancels the source when the client has left", async () => {
  const { source, isCancelled } = handWritten();
  await boundIdle(source, IDLE_MS).cancel("the client is gone");
  expect(isCancelled()).toBe(true);
});

it("ends a call whose head does not arrive", async () => {
  let aborted = false;
  const call = withIdleDeadline((signal) => {
    signal.addEventListener("abort", () => (aborted = true));
    return new Promise<Response>(() => {});
  }, IDLE_MS);
  const broken = call.catch(String);
  await vi.advanceTimersByTimeAsync(IDLE_MS);
  expect(await broken).toBe(LATE);
  expect(aborted).toBe(true);
});

it("keeps status and headers", async () => {
  const answer = await withIdleDeadline(
    async () => new Response("a", { status: 404, headers: { "X-A": "b" } }),
    IDLE_MS,
  );
  expect([answer.status, answer.headers.get("X-A"), await answer.text()]).toEqual([404, "b", "a"]);
});
