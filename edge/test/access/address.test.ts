// Compares the hand-written parser of addresses, which runs for every request, with ipaddr.js, which is slow and correct.

import ipaddr from "ipaddr.js";
import { describe, expect, it } from "vitest";
import { addressAllowed, compileNetworks, cutAddress } from "../../src/access/address.ts";

const ROUNDS = 20_000;
/** The generator of Numerical Recipes, so that a run is reproducible. */
let state = 7;
function random(below: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}
const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T;

type Address = ipaddr.IPv4 | ipaddr.IPv6;

function parse(text: string): Address | null {
  const trimmed = text.trim();
  if (ipaddr.IPv4.isValidFourPartDecimal(trimmed)) return ipaddr.IPv4.parse(trimmed);
  if (!trimmed.includes(":") || !ipaddr.IPv6.isValid(trimmed)) return null;
  const v6 = ipaddr.IPv6.parse(trimmed);
  return v6.isIPv4MappedAddress() ? v6.toIPv4Address() : v6;
}

function cut(text: string): string | null {
  const address = parse(text);
  if (address === null) return null;
  const kept = address.kind() === "ipv4" ? 3 : 6;
  const bytes = address.toByteArray().map((byte, index) => (index < kept ? byte : 0));
  return ipaddr.fromByteArray(bytes).toString();
}

function isIn(text: string, cidr: string): boolean {
  const address = parse(text);
  const [network, bits] = ipaddr.parseCIDR(cidr);
  return address !== null && address.kind() === network.kind() && address.match(network, bits);
}

const v4 = () => Array.from({ length: 4 }, () => pick([0, 1, 9, 10, 127, 203, 255, random(256)])).join(".");
function v6(): string {
  const bytes = Array.from({ length: 16 }, () => pick([0, 0, 255, random(256)]));
  if (random(4) === 0) bytes.splice(0, 12, ...Array(10).fill(0), 255, 255);
  const address = new ipaddr.IPv6(bytes);
  const texts = [address.toString(), address.toNormalizedString()];
  return random(3) === 0 ? pick(texts).toUpperCase() : pick(texts);
}
/** Texts that are almost addresses. */
const odd = () => Array.from({ length: random(14) }, () => pick([..."0019f:::..a%x "])).join("");

const ODD = [
  ..."1|0x7f.1|010.0.0.1|1.2.3|1.2.3.4.5|256.1.1.1|1.2.3.|.1.2.3.4|1..2.3|::|:::|::1|1::|1:2:3:4:5:6:7:8|1:2:3:4:5:6:7::".split(
    "|",
  ),
  ..."1:2:3:4:5:6:7:8:9|::1:2:3:4:5:6:7:8|1::2::3|:1|1:|12345::|::ffff:1.2.3.4|::ffff:cb00:7107|::FFFF:0102:0304".split(
    "|",
  ),
  ..."::ffff:010.0.0.1|::1.2.3.4|fe80::1%eth0|64:ff9b::1.2.3.4|0:0:0:0:0:ffff:1:1|0:b:c::|0:0:c::1|a:0:0:1::|+1.2.3.4".split(
    "|",
  ),
  ..." 1.2.3.4|1.2.3.4 |\t::1|1.2.3.4,5.6.7.8|unknown||1e1.0.0.1|１.2.3.4|-1.2.3.4|1.2.3.4/24|[::1]|0.0.0.0".split("|"),
];

describe("an address", () => {
  it.each(ODD)("%j is cut as ipaddr.js cuts it", (text) => expect(cutAddress(text)).toBe(cut(text)));

  it("is cut as ipaddr.js cuts it, for any text", () => {
    const texts = Array.from({ length: ROUNDS }, () => pick([v4, v6, odd])());
    expect(texts.filter((text) => cutAddress(text) !== cut(text))).toEqual([]);
    expect(texts.filter((text) => cutAddress(text) !== null).length).toBeGreaterThan(ROUNDS / 2);
  });

  it("is in a network exactly if ipaddr.js says so", () => {
    let inside = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const base = pick([v4, v6])();
      const cidr = `${base}/${random(base.includes(":") ? 129 : 33)}`;
      // Half of the addresses are neighbours of the network's.
      const text = random(2) === 0 ? base : pick([v4, v6, odd])();
      const networks = compileNetworks([cidr]);
      if (networks === null) return expect.unreachable();
      const allowed = addressAllowed(networks, text);
      if (allowed !== isIn(text, cidr)) expect.unreachable(`${text} in ${cidr}: ${allowed}`);
      if (allowed) inside++;
    }
    expect(inside).toBeGreaterThan(ROUNDS / 8);
  });

  it("that is missing or unreadable is in no network, and an invalid network contains no address", () => {
    const all = compileNetworks(["0.0.0.0/0", "::/0"]);
    if (all === null) return expect.unreachable();
    for (const text of [null, "", "1", "nonsense", "1.2.3"]) expect(addressAllowed(all, text)).toBe(false);
    for (const text of ["1.2.3.4", "::1"]) expect(addressAllowed(all, text)).toBe(true);
    const none = compileNetworks(["nonsense", "1.2.3.4", "10.0.0.0/33"]);
    expect(none).not.toBeNull();
    if (none !== null) expect(addressAllowed(none, "1.2.3.4")).toBe(false);
    expect(compileNetworks([])).toBeNull();
  });
});
