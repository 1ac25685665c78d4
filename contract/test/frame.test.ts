// Tests the frame codec: concatenated members are one frame, bad lines are values, decompression bombs are refused.

import { gunzipSync, gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compressMember, concatBytes, decodeFrame, encodeMember, envelopeLine, LIMITS } from "../src/index.ts";

const values = (frame: Uint8Array) => [...decodeFrame(frame)].map(({ value }) => value);
const json = fc.jsonValue({ stringUnit: "grapheme" }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);

describe("frames", () => {
  it("give back the lines of all their members, in order", () => {
    fc.assert(
      fc.property(fc.array(fc.array(json, { minLength: 1 }), { minLength: 1, maxLength: 6 }), (members) => {
        const frame = concatBytes(members.map((lines) => encodeMember(lines.map((line) => JSON.stringify(line)))));
        expect(values(frame)).toEqual(members.flat());
      }),
    );
  });

  it("are valid gzip for anyone", () => {
    const frame = concatBytes([encodeMember(["1"]), encodeMember(["2", "3"])]);
    expect(gunzipSync(frame).toString()).toBe("1\n2\n3\n");
  });

  it("tell a line that is no JSON as its text, and go on", () => {
    const frame = encodeMember(['{"a":1}', "nonsense", "", '{"b":', "2"]);
    expect([...decodeFrame(frame)]).toEqual([
      { text: '{"a":1}', value: { a: 1 } },
      { text: "nonsense" },
      { text: '{"b":' },
      { text: "2", value: 2 },
    ]);
  });

  it("take a last line without its end", () => {
    expect(values(compressMember(new TextEncoder().encode('{"a":1}\n{"b":2}')))).toEqual([{ a: 1 }, { b: 2 }]);
  });

  it("of nothing hold nothing", () => expect(values(compressMember(new Uint8Array()))).toEqual([]));

  it.each([
    ["no gzip", new TextEncoder().encode("plain text")],
    ["nothing", new Uint8Array()],
    ["cut off", encodeMember(['{"a":1}']).subarray(0, 15)],
    ["no UTF-8", compressMember(new Uint8Array([0xff, 0xfe, 0x0a]))],
    ["a bomb", gzipSync(new Uint8Array(5 * LIMITS.frameUnpackedBytes))],
  ])("that are %s are refused as a whole", (_name, frame) => {
    expect(() => [...decodeFrame(frame)]).toThrow(Error);
  });

  it("as large as a writer makes them are read", () => {
    const line = JSON.stringify("x".repeat(LIMITS.frameUnpackedBytes - 3));
    expect(values(encodeMember([line]))).toHaveLength(1);
  });
});

describe("concatBytes", () => {
  it("joins, and copies", () => {
    const part = new Uint8Array([1, 2]);
    const joined = concatBytes([part, new Uint8Array(), new Uint8Array([3])]);
    part[0] = 9;
    expect([...joined]).toEqual([1, 2, 3]);
    expect(concatBytes([])).toEqual(new Uint8Array());
  });
});

describe("an envelope's line", () => {
  const head = {
    v: 1,
    project: "p",
    keyId: "k",
    requestId: "r",
    receivedAtMs: 1,
    retry: false,
    secret: false,
    anyPast: false,
    defaultType: null,
    consent: "accept",
    shape: "event",
    source: { ip: null, userAgent: 'a"\n', country: null, region: null, city: null, timezone: null, referer: null },
  } as const;

  it("is one line, and holds head and body", () => {
    fc.assert(
      fc.property(json, fc.constantFrom(0, 1, 2, "\t"), (body, indent) => {
        const line = envelopeLine(head, JSON.stringify({ body }, null, indent));
        expect(line).not.toMatch(/[\n\r]/);
        expect(JSON.parse(line)).toEqual({ ...head, body: { body } });
      }),
    );
  });

  it("takes a body with white space of every kind", () => {
    const line = envelopeLine(head, '{\r\n"a"\r:\n"b\\n"\r\n}\n');
    expect(JSON.parse(line)).toEqual({ ...head, body: { a: "b\n" } });
    expect(line).not.toMatch(/[\n\r]/);
  });
});
