// What may wait for one watcher, with a socket that only remembers and a clock that is handed in.

import { LIMITS } from "@behaviour/contract";
import { beforeEach, expect, it } from "vitest";
import { Outbox } from "../../src/live/outbox.ts";

const MESSAGE = JSON.stringify({ type: "event", filler: "x".repeat(1_000) });
const FITTING = Math.floor(LIMITS.liveBufferBytes / MESSAGE.length);

let sent: string[];
let closed: number[];
let outbox: Outbox;

beforeEach(() => {
  sent = [];
  closed = [];
  outbox = new Outbox({ send: (text) => void sent.push(text), close: (code) => void closed.push(code) }, 0);
});

const events = () => sent.filter((text) => text === MESSAGE).length;
const confirmations = () => sent.filter((text) => text.startsWith('{"type":"confirm"'));
const many = (count: number) => new Array<string>(count).fill(MESSAGE);

it("sends in order while there is room", () => {
  outbox.send(["a", "b"], 0);
  outbox.send(["c"], 0);
  expect(sent).toEqual(["a", "b", "c"]);
});

it("counts what finds no room, and tells the count before the next message", () => {
  outbox.send(many(FITTING + 50), 0);
  expect(events()).toBe(FITTING);
  const before = sent.length;
  outbox.send(["next"], 1_000);
  expect(sent.slice(before)).toEqual(['{"type":"dropped","count":50}', "next"]);
});

it("tells what was lost before it, with or without a message to follow", () => {
  outbox.lose(7);
  outbox.send([], 0);
  expect(sent).toEqual(['{"type":"dropped","count":7}']);
});

it("sends a watcher that confirms as fast as it reads, and no faster", () => {
  for (let round = 0; round < 100; round++) {
    outbox.send(many(FITTING >> 2), 0);
    for (const text of confirmations()) outbox.hear(text);
  }
  expect(events()).toBe(100 * (FITTING >> 2));
  // It stops reading.
  const before = events();
  for (let round = 0; round < 100; round++) outbox.send(many(FITTING >> 2), 1_000_000);
  expect((events() - before) * MESSAGE.length).toBeLessThanOrEqual(LIMITS.liveBufferBytes);
  expect(closed).toEqual([]);
});

it("gives one that never confirms its rate, and ends it when too much is unconfirmed", () => {
  let nowMs = 0;
  for (; closed.length === 0 && nowMs < 1_000_000; nowMs += 1_000) outbox.send(many(FITTING), nowMs);
  expect(closed[0]).toBe(1013);
  const expectedMs = (LIMITS.liveUnconfirmedBytes / LIMITS.liveBytesPerSecond) * 1_000;
  expect(Math.abs(nowMs - expectedMs)).toBeLessThan(expectedMs / 10);
  expect(sent.reduce((sum, text) => sum + text.length, 0)).toBeLessThanOrEqual(LIMITS.liveUnconfirmedBytes);
});

it.each(["", "{}", "ping", '{"type":"confirm","upTo":-1}', '{"type":"confirm","upTo":999999999}', "x".repeat(1_000)])(
  "is not impressed by %j",
  (text) => {
    outbox.send(many(10), 0);
    outbox.hear(text);
    outbox.send(many(FITTING * 2), 0);
    expect(events()).toBeLessThanOrEqual(FITTING);
  },
);
