// Tests the pages and addresses that a key may be used from. docs/API_DOCUMENTATION.md#keys.

import { describe, expect, it } from "vitest";
import { bearer, goodEvent, ORIGIN, send } from "../client.ts";
import { expectAnswer, useTable } from "../collect/table.ts";

const table = useTable("origins");

interface OriginRow {
  name: string;
  allowed: string[];
  headers: Record<string, string>;
  code?: "origin_required" | "origin_not_allowed";
}

const EXACT = ["https://shop.example.com"];
const WILDCARD = ["https://*.example.com"];
const from = (origin: string) => ({ Origin: origin });

const ORIGINS: OriginRow[] = [
  { name: "exact", allowed: EXACT, headers: from("https://shop.example.com") },
  { name: "in capitals", allowed: EXACT, headers: from("https://SHOP.Example.com") },
  { name: "with the default port", allowed: EXACT, headers: from("https://shop.example.com:443") },
  { name: "with a trailing dot", allowed: EXACT, headers: from("https://shop.example.com.") },
  { name: "another scheme", allowed: EXACT, headers: from("http://shop.example.com"), code: "origin_not_allowed" },
  { name: "another port", allowed: EXACT, headers: from("https://shop.example.com:8443"), code: "origin_not_allowed" },
  { name: "another host", allowed: EXACT, headers: from("https://example.com"), code: "origin_not_allowed" },
  {
    name: "as a prefix",
    allowed: EXACT,
    headers: from("https://shop.example.com.evil.test"),
    code: "origin_not_allowed",
  },
  { name: "as a suffix", allowed: EXACT, headers: from("https://evilshop.example.com"), code: "origin_not_allowed" },
  {
    name: "as user-info",
    allowed: EXACT,
    headers: from("https://shop.example.com@evil.test"),
    code: "origin_not_allowed",
  },
  { name: "null", allowed: EXACT, headers: from("null"), code: "origin_not_allowed" },
  { name: "no URL", allowed: EXACT, headers: from("shop.example.com"), code: "origin_not_allowed" },
  { name: "file", allowed: EXACT, headers: from("file://"), code: "origin_not_allowed" },
  { name: "none", allowed: EXACT, headers: {}, code: "origin_required" },
  { name: "empty, no Referer", allowed: EXACT, headers: from(""), code: "origin_required" },
  { name: "Referer instead", allowed: EXACT, headers: { Referer: "https://shop.example.com/cart?step=2" } },
  {
    name: "Referer of another origin",
    allowed: EXACT,
    headers: { Referer: "https://evil.test/https://shop.example.com" },
    code: "origin_not_allowed",
  },
  {
    name: "Origin before Referer",
    allowed: EXACT,
    headers: { ...from("https://evil.test"), Referer: "https://shop.example.com/" },
    code: "origin_not_allowed",
  },
  {
    name: "Origin null with a good Referer",
    allowed: EXACT,
    headers: { ...from("null"), Referer: "https://shop.example.com/" },
    code: "origin_not_allowed",
  },
  { name: "wildcard, one label", allowed: WILDCARD, headers: from("https://shop.example.com") },
  { name: "wildcard, two labels", allowed: WILDCARD, headers: from("https://a.b.example.com") },
  { name: "wildcard, trailing dot", allowed: WILDCARD, headers: from("https://shop.example.com.") },
  { name: "wildcard, the apex", allowed: WILDCARD, headers: from("https://example.com"), code: "origin_not_allowed" },
  {
    name: "wildcard, an empty label",
    allowed: WILDCARD,
    headers: from("https://.example.com"),
    code: "origin_not_allowed",
  },
  {
    name: "wildcard, without the dot",
    allowed: WILDCARD,
    headers: from("https://evilexample.com"),
    code: "origin_not_allowed",
  },
  {
    name: "wildcard, as a label",
    allowed: WILDCARD,
    headers: from("https://shop.example.com.evil.test"),
    code: "origin_not_allowed",
  },
  {
    name: "wildcard, another scheme",
    allowed: WILDCARD,
    headers: from("http://shop.example.com"),
    code: "origin_not_allowed",
  },
  {
    name: "wildcard, another port",
    allowed: WILDCARD,
    headers: from("https://shop.example.com:444"),
    code: "origin_not_allowed",
  },
  {
    name: "wildcard with a port",
    allowed: ["https://*.example.com:8443"],
    headers: from("https://a.example.com:8443"),
  },
  {
    name: "punycode allowed, Unicode sent",
    allowed: ["https://xn--bcher-kva.example"],
    headers: { Referer: "https://b%C3%BCcher.example/" },
  },
  {
    name: "Unicode allowed, punycode sent",
    allowed: ["https://bücher.example"],
    headers: from("https://xn--bcher-kva.example"),
  },
  {
    name: "Unicode wildcard",
    allowed: ["https://*.bücher.example"],
    headers: from("https://shop.xn--bcher-kva.example"),
  },
  { name: "localhost with its port", allowed: ["http://localhost:3000"], headers: from("http://localhost:3000") },
  {
    name: "localhost with another port",
    allowed: ["http://localhost:3000"],
    headers: from("http://localhost:3001"),
    code: "origin_not_allowed",
  },
  { name: "an app's scheme", allowed: ["capacitor://localhost"], headers: from("capacitor://localhost") },
  {
    name: "the second of three",
    allowed: ["https://a.test", ...EXACT, "https://b.test"],
    headers: from("https://shop.example.com"),
  },
  {
    name: "an entry that is not an origin",
    allowed: ["example"],
    headers: from("https://example"),
    code: "origin_not_allowed",
  },
  { name: "no restriction, null", allowed: [], headers: from("null") },
  { name: "no restriction, none", allowed: [], headers: {} },
];

describe("origins of a public key", () => {
  it.concurrent.each(ORIGINS)("$name", async ({ allowed, headers, code }) => {
    const key = await table.newKey({ origins: allowed });
    const expected = code === undefined ? { status: 200 } : { status: 403, code };
    expectAnswer(await send("/v1/track", { headers: { ...headers, ...bearer(key) }, body: goodEvent() }), expected);
    const body = { ...goodEvent(), writeKey: key };
    expectAnswer(await send("/v1/track", { headers, body }), expected);
    await table.expectGoodEventTaken();
  });
});

describe("a secret key in a browser", () => {
  it.concurrent.each([
    { name: "a page's origin", origin: "https://shop.example.com" },
    { name: "a sandboxed frame", origin: "null" },
    { name: "our own host on another port", origin: `${ORIGIN}:8443` },
  ])("$name", async ({ origin }) => {
    for (const [headers, body] of [
      [bearer(table.secretKey), {}],
      [{}, { writeKey: table.secretKey }],
    ] as const) {
      const answer = await send("/v1/track", { headers: { Origin: origin, ...headers }, body: goodEvent(body) });
      expectAnswer(answer, { status: 403, code: "secret_key_in_browser" });
    }
    await table.expectGoodEventTaken();
  });

  it("is accepted from our own origin", async () => {
    const headers = { Origin: ORIGIN, ...bearer(table.secretKey) };
    expect((await send("/v1/track", { headers, body: goodEvent() })).status).toBe(200);
  });

  it("is not restricted by origins", async () => {
    const key = await table.newKey({ kind: "secret", origins: EXACT });
    expect((await send("/v1/track", { headers: bearer(key), body: goodEvent() })).status).toBe(200);
  });
});

interface AddressRow {
  name: string;
  cidrs: string[];
  address: string | null;
  allowed: boolean;
}

const ADDRESSES: AddressRow[] = [
  { name: "v4 in range", cidrs: ["192.0.2.0/24"], address: "192.0.2.77", allowed: true },
  { name: "v4 out of range", cidrs: ["192.0.2.0/24"], address: "192.0.3.1", allowed: false },
  { name: "v4, one address", cidrs: ["192.0.2.7/32"], address: "192.0.2.7", allowed: true },
  { name: "v4, everything", cidrs: ["0.0.0.0/0"], address: "203.0.113.9", allowed: true },
  { name: "v6 in range", cidrs: ["2001:db8::/32"], address: "2001:db8:1::5", allowed: true },
  { name: "v6 out of range", cidrs: ["2001:db8::/32"], address: "2001:db9::1", allowed: false },
  {
    name: "v6 written out",
    cidrs: ["2001:db8::1/128"],
    address: "2001:0db8:0000:0000:0000:0000:0000:0001",
    allowed: true,
  },
  { name: "v4-mapped against v4", cidrs: ["192.0.2.0/24"], address: "::ffff:192.0.2.77", allowed: true },
  { name: "v4-mapped in hex", cidrs: ["192.0.2.0/24"], address: "::ffff:c000:24d", allowed: true },
  { name: "v4-mapped against v6", cidrs: ["::/0"], address: "::ffff:192.0.2.77", allowed: false },
  { name: "v4 against v6", cidrs: ["2001:db8::/32"], address: "192.0.2.77", allowed: false },
  { name: "v6 against v4", cidrs: ["192.0.2.0/24"], address: "2001:db8::1", allowed: false },
  { name: "the second range", cidrs: ["198.51.100.0/24", "2001:db8::/32"], address: "2001:db8::1", allowed: true },
  { name: "no address", cidrs: ["192.0.2.0/24"], address: null, allowed: false },
  { name: "not an address", cidrs: ["0.0.0.0/0"], address: "localhost", allowed: false },
  { name: "a short v4", cidrs: ["0.0.0.0/0"], address: "1", allowed: false },
  { name: "a v4 in hex", cidrs: ["0.0.0.0/0"], address: "0x7f.1", allowed: false },
  { name: "a v4 in octal", cidrs: ["8.0.0.0/8"], address: "010.0.0.1", allowed: false },
  { name: "two addresses", cidrs: ["0.0.0.0/0"], address: "192.0.2.7, 192.0.2.8", allowed: false },
  { name: "a broken range", cidrs: ["192.0.2.0/33", "nonsense"], address: "192.0.2.7", allowed: false },
  { name: "no restriction", cidrs: [], address: null, allowed: true },
];

describe("addresses", () => {
  it.concurrent.each(ADDRESSES)("$name", async ({ cidrs, address, allowed }) => {
    const headers = {
      ...bearer(await table.newKey({ cidrs })),
      ...(address === null ? {} : { "CF-Connecting-IP": address }),
    };
    const answer = await send("/v1/track", { headers, body: goodEvent() });
    expectAnswer(answer, allowed ? { status: 200 } : { status: 403, code: "ip_not_allowed" });
    await table.expectGoodEventTaken();
  });

  it("are never read from the caller's own headers", async () => {
    const key = await table.newKey({ cidrs: ["192.0.2.0/24"] });
    for (const name of ["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP"]) {
      const headers = { ...bearer(key), "CF-Connecting-IP": "203.0.113.9", [name]: "192.0.2.7" };
      expectAnswer(await send("/v1/track", { headers, body: goodEvent() }), { status: 403, code: "ip_not_allowed" });
    }
  });

  it("restrict a secret key as well", async () => {
    const key = await table.newKey({ kind: "secret", cidrs: ["192.0.2.0/24"] });
    const headers = { ...bearer(key), "CF-Connecting-IP": "203.0.113.9" };
    expectAnswer(await send("/v1/track", { headers, body: goodEvent() }), { status: 403, code: "ip_not_allowed" });
  });
});
