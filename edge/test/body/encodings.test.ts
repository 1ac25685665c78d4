// Tests content types and encodings. docs/API_DOCUMENTATION.md#answers: every encoding except gzip and identity is refused, and a
// body is tried as JSON for any content type.

import { gzipSync } from "node:zlib";
import { concatBytes } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { bearer, goodEvent, send } from "../client.ts";
import { expectAnswer, type RequestRow, useTable } from "../collect/table.ts";

const table = useTable("encodings");

const encoder = new TextEncoder();
const bytes = (text: string) => encoder.encode(text);
const gzip = (data: string | Uint8Array) => new Uint8Array(gzipSync(data));
const good = () => JSON.stringify(goodEvent());
const GZIP = { "Content-Encoding": "gzip" };

function cut(data: Uint8Array, from: number, to?: number): Uint8Array {
  return data.slice(from, to);
}

function changed(data: Uint8Array, at: number): Uint8Array {
  const copy = data.slice();
  const index = at < 0 ? copy.length + at : at;
  copy[index] = (copy[index] as number) ^ 0xff;
  return copy;
}

/** A body is created when its row runs, so that each has its own messageId. */
interface Row extends Omit<RequestRow, "body"> {
  make: () => Uint8Array | string;
}

function runRows(rows: readonly Row[]): void {
  it.concurrent.each(rows)("$name", async ({ make, path = "/v1/track", headers = {}, ...expected }) => {
    const answer = await send(path, { headers: { ...headers, ...bearer(table.publicKey) }, body: make() });
    expectAnswer(answer, expected);
    await table.expectGoodEventTaken();
  });
}

describe("Content-Encoding", () => {
  const refused = { status: 415, code: "unsupported_encoding" } as const;
  runRows([
    { name: "gzip", headers: GZIP, make: () => gzip(good()), status: 200 },
    { name: "gzip in capitals", headers: { "Content-Encoding": "GZIP" }, make: () => gzip(good()), status: 200 },
    { name: "gzip and white space", headers: { "Content-Encoding": " gzip " }, make: () => gzip(good()), status: 200 },
    { name: "identity", headers: { "Content-Encoding": "identity" }, make: good, status: 200 },
    { name: "empty", headers: { "Content-Encoding": "" }, make: good, status: 200 },
    { name: "br", headers: { "Content-Encoding": "br" }, make: good, ...refused },
    { name: "deflate", headers: { "Content-Encoding": "deflate" }, make: good, ...refused },
    { name: "zstd", headers: { "Content-Encoding": "zstd" }, make: good, ...refused },
    { name: "x-gzip", headers: { "Content-Encoding": "x-gzip" }, make: () => gzip(good()), ...refused },
    { name: "gzip twice", headers: { "Content-Encoding": "gzip, gzip" }, make: () => gzip(gzip(good())), ...refused },
    { name: "nonsense", headers: { "Content-Encoding": "constructor" }, make: good, ...refused },
  ]);
  it.concurrent.each(["batch", "beacon", "page", "import", "b"])("gzip on /v1/%s", async (route) => {
    const body = ["page"].includes(route) ? good() : JSON.stringify({ batch: [goodEvent()] });
    const answer = await send(`/v1/${route}`, { headers: { ...GZIP, ...bearer(table.publicKey) }, body: gzip(body) });
    expect(answer.body.accepted).toBe(1);
  });
});

describe("gzip", () => {
  const invalid = { headers: GZIP, status: 400, code: "invalid_encoding" } as const;
  runRows([
    { name: "not gzip at all", make: good, ...invalid },
    { name: "one byte", make: () => new Uint8Array([0x1f]), ...invalid },
    { name: "the head alone", make: () => cut(gzip(good()), 0, 10), ...invalid },
    { name: "cut in half", make: () => cut(gzip(good()), 0, 60), ...invalid },
    { name: "the last byte missing", make: () => cut(gzip(good()), 0, -1), ...invalid },
    { name: "the trailer missing", make: () => cut(gzip(good()), 0, -8), ...invalid },
    { name: "a wrong checksum", make: () => changed(gzip(good()), -8), ...invalid },
    { name: "a wrong length", make: () => changed(gzip(good()), -1), ...invalid },
    { name: "broken in the middle", make: () => changed(gzip(good()), 20), ...invalid },
    { name: "another method", make: () => changed(gzip(good()), 2), ...invalid },
    { name: "trailing bytes", make: () => concatBytes([gzip(good()), bytes("x")]), ...invalid },
    { name: "trailing zeros", make: () => concatBytes([gzip(good()), new Uint8Array(512)]), ...invalid },
    { name: "a second member", make: () => concatBytes([gzip(good()), gzip(good())]), ...invalid },
    { name: "an empty second member", make: () => concatBytes([gzip(good()), gzip("")]), ...invalid },
    {
      name: "one body in two members",
      make: () => concatBytes([gzip(good().slice(0, 30)), gzip(good().slice(30))]),
      ...invalid,
    },
    { name: "nothing", make: () => "", headers: GZIP, status: 400, code: "empty_body" },
    { name: "nothing, compressed", make: () => gzip(""), headers: GZIP, status: 400, code: "empty_body" },
    { name: "compressed twice", make: () => gzip(gzip(good())), ...invalid },
    { name: "not said to be gzip", make: () => gzip(good()), status: 400, code: "invalid_encoding" },
    { name: "no JSON in it", make: () => gzip("{"), headers: GZIP, status: 400, code: "invalid_json" },
    {
      name: "a bomb of 1 GiB's kind",
      make: () => gzip(new Uint8Array(32 * 1_024 * 1_024)),
      headers: GZIP,
      status: 413,
      code: "payload_too_large",
    },
    {
      name: "a bomb of brackets",
      make: () => gzip("[".repeat(2_000_000)),
      headers: GZIP,
      status: 400,
      code: "invalid_json",
    },
    {
      name: "a bomb of closed brackets",
      make: () => gzip("[".repeat(2_000_000) + "]".repeat(2_000_000)),
      headers: GZIP,
      status: 400,
      code: "invalid_payload",
    },
    {
      name: "deep within an event",
      make: () =>
        gzip(`{"type":"identify","userId":"u","traits":{"a":${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}}}`),
      headers: GZIP,
      status: 400,
      code: "all_events_rejected",
    },
  ]);
});

describe("UTF-8", () => {
  const head = bytes('{"type":"track","event":"');
  const tail = bytes('","anonymousId":"a"}');
  const around = (...middle: number[]) => concatBytes([head, new Uint8Array(middle), tail]);
  const invalid = { status: 400, code: "invalid_encoding" } as const;
  runRows([
    {
      name: "two, three and four bytes",
      make: () => around(0xc3, 0xbc, 0xe5, 0xae, 0x8c, 0xf0, 0x9f, 0x98, 0x80),
      status: 200,
    },
    { name: "a lone continuation", make: () => around(0x80), ...invalid },
    { name: "Latin-1", make: () => around(0xfc), ...invalid },
    { name: "an overlong slash", make: () => around(0xc0, 0xaf), ...invalid },
    { name: "an overlong NUL", make: () => around(0xc0, 0x80), ...invalid },
    { name: "a surrogate as bytes", make: () => around(0xed, 0xa0, 0x80), ...invalid },
    { name: "beyond U+10FFFF", make: () => around(0xf4, 0x90, 0x80, 0x80), ...invalid },
    { name: "cut within a letter", make: () => cut(bytes(`${good()}ü`), 0, -1), ...invalid },
    {
      name: "UTF-16",
      make: () => new Uint8Array(new Uint16Array([...good()].map((c) => c.charCodeAt(0))).buffer),
      status: 400,
      code: "invalid_json",
    },
    { name: "UTF-16 with its BOM", make: () => new Uint8Array([0xff, 0xfe, 0x7b, 0x00]), ...invalid },
    { name: "in gzip", make: () => gzip(around(0xff)), headers: GZIP, ...invalid },
  ]);
});

describe("Content-Type", () => {
  const FORM = "application/x-www-form-urlencoded";
  const refused = { status: 415, code: "unsupported_media_type" } as const;
  const type = (value: string) => ({ "Content-Type": value });
  runRows([
    ...[
      "application/json",
      "application/json; charset=utf-8",
      "text/plain",
      "text/plain;charset=UTF-8",
      "",
      "application/octet-stream",
      "APPLICATION/JSON",
      "text/html",
      "application/x-www-form-urlencoded; charset=utf-8",
      FORM,
      "nonsense",
    ].map((value): Row => ({ name: `JSON as ${value || "nothing"}`, headers: type(value), make: good, status: 200 })),
    { name: "gzipped JSON as a form", headers: { ...type(FORM), ...GZIP }, make: () => gzip(good()), status: 200 },
    { name: "a form", headers: type(FORM), make: () => "event=Tested&userId=u", ...refused },
    { name: "a form in gzip", headers: { ...type(FORM), ...GZIP }, make: () => gzip("a=b"), ...refused },
    { name: "XML", headers: type("application/xml"), make: () => "<event/>", ...refused },
    { name: "XML that is JSON", headers: type("text/xml; charset=utf-8"), make: good, ...refused },
    { name: "SOAP", headers: type("application/soap+xml"), make: () => "<e/>", ...refused },
    { name: "multipart", headers: type("multipart/form-data; boundary=x"), make: () => "--x--", ...refused },
  ]);
});
