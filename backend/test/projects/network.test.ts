import { describe, expect, it } from "vitest";
import { normaliseCidr, normaliseOrigin } from "../../src/projects/network.ts";

describe("origins", () => {
  it.each([
    ["https://www.example.com", "https://www.example.com"],
    ["https://WWW.Example.com", "https://www.example.com"],
    ["https://example.com:443", "https://example.com"],
    ["http://localhost:3000", "http://localhost:3000"],
    ["http://127.0.0.1:8787", "http://127.0.0.1:8787"],
    ["http://[::1]:8787", "http://[::1]:8787"],
    ["https://*.example.com", "https://*.example.com"],
    ["HTTPS://*.Example.com", "https://*.example.com"],
  ])("takes %s", (given, taken) => expect(normaliseOrigin(given)).toBe(taken));

  it.each([
    "",
    "*",
    "null",
    "example.com",
    "https://",
    "https://example.com/",
    "https://example.com/path",
    "https://user@example.com",
    "https://example.com?x",
    "https://exam ple.com",
    "https://exa\tmple.com",
    "ftp://example.com",
    "https://*",
    "https://*.com",
    "https://*.",
    "https://*.example.com:8443",
    "https://*.127.0.0.1",
    "http://*.example.com",
    "https://a.*.example.com",
    "https://*example.com",
    "https://example.com:99999",
  ])("refuses %j", (given) => expect(normaliseOrigin(given)).toBeNull());
});

describe("address ranges", () => {
  it.each(["192.0.2.0/24", "0.0.0.0/0", "10.1.2.3/32", "2001:db8::/32", "::/0", "::1/128"])("takes %s", (given) =>
    expect(normaliseCidr(given)).toBe(given),
  );

  it.each([
    "",
    "192.0.2.1",
    "192.0.2.0/33",
    "192.0.2.0/-1",
    "192.0.2.0/08",
    "192.0.2/24",
    "010.0.0.0/8",
    "0x7f.1/8",
    "1/8",
    "300.1.1.1/8",
    "2001:db8::/129",
    "2001:::/32",
    "fe80::1%eth0/64",
    "::ffff:10.0.0.0/104",
    "10.0.0.0/8 ",
  ])("refuses %j", (given) => expect(normaliseCidr(given)).toBeNull());
});
