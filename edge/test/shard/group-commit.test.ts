// Tests group commit. A member that arrives during a commit, or right after a commit, joins the next commit. A member that
// arrives after a quiet moment is committed immediately. A group becomes one row or a few rows.

import { gunzipSync } from "node:zlib";
import { compressMember, concatBytes, decodeFrame, ID_HASH_BYTES, LIMITS } from "@behaviour/contract";
import { describe, expect, it, vi } from "vitest";
import { GroupCommit, type Member, packGroup } from "../../src/shard/group-commit.ts";

const encoder = new TextEncoder();

function plain(text: string, ids = 1): Member {
  return { ids: new Uint8Array(ids * ID_HASH_BYTES), data: encoder.encode(`${text}\n`), compressed: false };
}

function gzipped(text: string, ids = 1): Member {
  return {
    ids: new Uint8Array(ids * ID_HASH_BYTES),
    data: compressMember(encoder.encode(`${text}\n`)),
    compressed: true,
  };
}

/** Incompressible bytes. */
function noise(bytes: number): Uint8Array {
  const data = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(data.subarray(at, Math.min(bytes, at + 65_536)));
  return data;
}

function linesOf(frame: Uint8Array): unknown[] {
  return [...decodeFrame(frame)].map(({ value }) => value);
}

const GAP_MS = 6;

/** A commit whose writes end when the test says so. */
function heldCommit() {
  const writes: { members: readonly Member[]; end: () => void; fail: (fault: Error) => void }[] = [];
  const commit = new GroupCommit<Member>(
    (members) => new Promise<void>((end, fail) => void writes.push({ members, end, fail })),
    { gapMs: () => GAP_MS },
  );
  const begun = (count: number) => vi.waitFor(() => expect(writes.length).toBe(count));
  return { commit, writes, begun };
}

const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

describe("joining", () => {
  it("writes the first member immediately, and the members that arrive during the write together", async () => {
    const { commit, writes, begun } = heldCommit();
    const done = [commit.add(plain("1"))];
    await turn();
    done.push(commit.add(plain("2")), commit.add(plain("3")));
    await turn();
    expect(writes.map(({ members }) => members.length)).toEqual([1]);
    writes[0]?.end();
    await done[0];
    await begun(2);
    expect(writes.map(({ members }) => members.length)).toEqual([1, 2]);
    writes[1]?.end();
    await Promise.all(done);
  });

  it("resolves a member only when its own commit is done", async () => {
    const { commit, writes, begun } = heldCommit();
    const order: string[] = [];
    const first = commit.add(plain("1")).then(() => order.push("first"));
    await turn();
    const second = commit.add(plain("2")).then(() => order.push("second"));
    await turn();
    writes[0]?.end();
    await first;
    expect(order).toEqual(["first"]);
    await begun(2);
    writes[1]?.end();
    await second;
    expect(order).toEqual(["first", "second"]);
  });

  it("reports a fault to its own group only, and still writes the next group", async () => {
    const { commit, writes, begun } = heldCommit();
    const failed = commit.add(plain("1")).catch((fault: Error) => fault.message);
    await turn();
    const good = commit.add(plain("2"));
    await turn();
    writes[0]?.fail(new Error("disk"));
    expect(await failed).toBe("disk");
    await begun(2);
    writes[1]?.end();
    await good;
    expect(commit.pendingBytes).toBe(0);
  });

  it("counts waiting bytes and bytes being written", async () => {
    const { commit, writes, begun } = heldCommit();
    const [a, b] = [plain("1"), plain("22")];
    const done = [commit.add(a)];
    await turn();
    done.push(commit.add(b));
    expect(commit.pendingBytes).toBe(a.data.byteLength + b.data.byteLength);
    await turn();
    writes[0]?.end();
    await turn();
    expect(commit.pendingBytes).toBe(b.data.byteLength);
    await begun(2);
    writes[1]?.end();
    await Promise.all(done);
    expect(commit.pendingBytes).toBe(0);
  });

  it("delays a member right after a commit, and not a later member", async () => {
    const { commit, writes, begun } = heldCommit();
    const done = [commit.add(plain("1"))];
    await turn();
    writes[0]?.end();
    await done[0];
    done.push(commit.add(plain("2")));
    done.push(commit.add(plain("3")));
    await begun(2);
    expect(writes[1]?.members.length).toBe(2);
    writes[1]?.end();
    await Promise.all(done);
    await new Promise((resolve) => setTimeout(resolve, 2 * GAP_MS));
    done.push(commit.add(plain("4")));
    await turn();
    expect(writes.length).toBe(3);
    writes[2]?.end();
    await Promise.all(done);
  });

  it("writes a member that fills a row immediately", async () => {
    const { commit, writes } = heldCommit();
    const done = [commit.add(plain("1"))];
    await turn();
    writes[0]?.end();
    await done[0];
    done.push(commit.add({ ids: new Uint8Array(0), data: noise(LIMITS.frameBytes), compressed: true }));
    await turn();
    expect(writes.length).toBe(2);
    writes[1]?.end();
    await Promise.all(done);
  });

  it("settles when every added member is durable", async () => {
    const { commit, writes, begun } = heldCommit();
    void commit.add(plain("1"));
    await turn();
    void commit.add(plain("2"));
    let settled = false;
    const waiting = commit.settled().then(() => (settled = true));
    await turn();
    writes[0]?.end();
    await turn();
    expect(settled).toBe(false);
    await begun(2);
    writes[1]?.end();
    await waiting;
    await commit.settled();
  });
});

describe("rows", () => {
  it("contain gzip members unchanged, and plain lines packed into one member", () => {
    const members = [plain('{"a":1}'), gzipped('{"b":1}'), plain('{"c":1}', 2), gzipped('{"d":1}', 3)];
    const rows = packGroup(members);
    expect(rows).toHaveLength(1);
    const { frame, ids } = rows[0] as { frame: Uint8Array; ids: Uint8Array };
    expect(linesOf(frame)).toEqual([{ b: 1 }, { d: 1 }, { a: 1 }, { c: 1 }]);
    const own = concatBytes([members[1]?.data as Uint8Array, members[3]?.data as Uint8Array]);
    expect(frame.slice(0, own.byteLength)).toEqual(new Uint8Array(own));
    expect(ids.byteLength).toBe(7 * ID_HASH_BYTES);
  });

  it("contain ids in the order of their events", () => {
    const id = (value: number) => new Uint8Array(ID_HASH_BYTES).fill(value);
    const rows = packGroup([
      { ...plain('"1"'), ids: id(1) },
      { ...gzipped('"2"'), ids: id(2) },
      { ...plain('"3"'), ids: id(3) },
    ]);
    expect(rows[0]?.ids).toEqual(concatBytes([id(2), id(1), id(3)]));
    expect(linesOf(rows[0]?.frame as Uint8Array)).toEqual(["2", "1", "3"]);
  });

  it("are neither larger than a record nor empty, and lose nothing", () => {
    const members = Array.from({ length: 9 }, (): Member => {
      return { ids: new Uint8Array(ID_HASH_BYTES), data: compressMember(noise(300_000)), compressed: true };
    });
    const rows = packGroup(members);
    expect(rows.length).toBeGreaterThan(2);
    for (const { frame } of rows) {
      expect(frame.byteLength).toBeLessThanOrEqual(LIMITS.frameBytes);
      expect(frame.byteLength).toBeGreaterThan(0);
    }
    expect(rows.reduce((sum, { ids }) => sum + ids.byteLength, 0)).toBe(9 * ID_HASH_BYTES);
    expect(rows.reduce((sum, { frame }) => sum + gunzipSync(frame).byteLength, 0)).toBe(9 * 300_000);
  });

  it("of small incompressible lines are within the limit too", () => {
    const line = () => btoa(String.fromCharCode(...noise(3_000)));
    const rows = packGroup(Array.from({ length: 600 }, () => plain(`"${line()}"`)));
    for (const { frame } of rows) expect(frame.byteLength).toBeLessThanOrEqual(LIMITS.frameBytes);
    expect(rows.flatMap(({ frame }) => linesOf(frame))).toHaveLength(600);
  });

  it("are split at 64 MiB unpacked, the limit of a reader", () => {
    const text = `"${"x".repeat(4 * 1_024 * 1_024 - 100)}"`;
    const rows = packGroup(new Array<Member>(20).fill(gzipped(text)));
    let lines = 0;
    for (const { frame } of rows) {
      expect(gunzipSync(frame).byteLength).toBeLessThanOrEqual(LIMITS.frameUnpackedBytes);
      lines += linesOf(frame).length;
    }
    expect(lines).toBe(20);
  });

  it("are split for many tiny events, because a value in storage holds 2 MB", () => {
    const rows = packGroup(Array.from({ length: 200 }, () => gzipped('"x"', 2_500)));
    for (const { ids } of rows) expect(ids.byteLength).toBeLessThan(2_000_000);
    expect(rows.reduce((sum, { ids }) => sum + ids.byteLength, 0)).toBe(200 * 2_500 * ID_HASH_BYTES);
  });

  it("are none for an empty group", () => expect(packGroup([])).toEqual([]));
});
