// Tests the messages that may wait for one watcher, with a socket that only records. The test passes the time.

import { LIMITS } from "@behaviour/contract";
import { beforeEach, expect, it } from "vitest";
import { Outbox, Room } from "../../src/live/outbox.ts";

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

it("counts messages without room, and sends the count before the next message", () => {
  outbox.send(many(FITTING + 50), 0);
  expect(events()).toBe(FITTING);
  const before = sent.length;
  outbox.send(["next"], 1_000);
  expect(sent.slice(before)).toEqual(['{"type":"dropped","count":50}', "next"]);
});

it("sends the number of lost messages, with or without a following message", () => {
  outbox.lose(7);
  outbox.send([], 0);
  expect(sent).toEqual(['{"type":"dropped","count":7}']);
});

it("sends to a confirming watcher as fast as it reads, and no faster", () => {
  for (let round = 0; round < 100; round++) {
    outbox.send(many(FITTING >> 2), 0);
    for (const text of confirmations()) outbox.hear(text);
  }
  expect(events()).toBe(100 * (FITTING >> 2));
  // The watcher stops reading.
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

/** Watchers of one tail. Each socket records how much it was sent. */
function watchers(count: number) {
  const room = new Room();
  room.watchers = count;
  const units = new Array<number>(count).fill(0);
  const ended = new Set<number>();
  const asked: string[][] = units.map(() => []);
  const outboxes = units.map(
    (_, index) =>
      new Outbox(
        {
          send: (text) => {
            units[index] = (units[index] as number) + text.length;
            if (text.startsWith('{"type":"confirm"')) asked[index]?.push(text);
          },
          close: () => void ended.add(index),
        },
        0,
        room,
      ),
  );
  return { outboxes, ended, asked, total: () => units.reduce((sum, each) => sum + each, 0) };
}

it.each([1, 2, 10, 100, 1_000])("%i that never read hold a tail's room together, and are ended early", (count) => {
  const { outboxes, ended, total } = watchers(count);
  for (let second = 0; second < 100; second++) for (const outbox of outboxes) outbox.send(many(20), second * 100);
  expect(total()).toBeLessThanOrEqual(LIMITS.liveTailBytes);
  expect(ended.size).toBe(count < 10 ? 0 : count);
});

it("many watchers that never read take no room from a watcher that reads", () => {
  const room = new Room();
  room.watchers = 100;
  const silent = Array.from({ length: 99 }, () => new Outbox({ send: () => {}, close: () => {} }, 0, room));
  let told = 0;
  const reader: Outbox = new Outbox(
    {
      send: (text) => {
        if (text === MESSAGE) told++;
        else if (text.startsWith('{"type":"confirm"')) queueMicrotask(() => reader.hear(text));
      },
      close: () => {},
    },
    0,
    room,
  );
  return (async () => {
    for (let round = 0; round < 200; round++) {
      for (const outbox of [...silent, reader]) outbox.send(many(20), round * 100);
      await Promise.resolve();
    }
    expect(told).toBe(200 * 20);
  })();
});

it("what one left unread counts for a while after its end, and no longer", () => {
  const room = new Room();
  const silent = () => new Outbox({ send: () => {}, close: () => {} }, 0, room);
  const first = silent();
  first.send(many(FITTING), 0);
  first.end();
  expect(room.take(LIMITS.liveTailBytes)).toBe(true);
  room.give(LIMITS.liveTailBytes);
  room.watchers = 16;
  const second = silent();
  second.send(many(FITTING), 0);
  second.send(many(FITTING), 10_000);
  second.end();
  expect(room.take(LIMITS.liveTailBytes)).toBe(false);
  room.settle(60_000);
  expect(room.take(LIMITS.liveTailBytes)).toBe(true);
});
