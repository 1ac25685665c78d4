// Decides whether a call to a client's URL may connect to an IP address: only to addresses of the public internet. Pure. The
// blocks are from IANA's registries of special-purpose addresses (RFC 6890 and its successors).

import { BlockList, isIPv4, isIPv6 } from "node:net";

const SPECIAL_V4: readonly [address: string, bits: number][] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  // Link-local, including the clouds' metadata services.
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.31.196.0", 24],
  ["192.52.193.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["192.175.48.0", 24],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];

/** Blocks within 2000::/3, the only block that is allocated. Other addresses (mapped, NAT64, ULA, link-local) are refused. */
const SPECIAL_V6: readonly [address: string, bits: number][] = [
  // Protocol assignments: Teredo, ORCHID, benchmarking and others.
  ["2001::", 23],
  ["2001:db8::", 32],
  // 6to4 carries any IPv4 address.
  ["2002::", 16],
  ["2620:4f:8000::", 48],
  ["3fff::", 20],
];

const special = new BlockList();
for (const [address, bits] of SPECIAL_V4) special.addSubnet(address, bits, "ipv4");
for (const [address, bits] of SPECIAL_V6) special.addSubnet(address, bits, "ipv6");

const given = new BlockList();
given.addSubnet("2000::", 3, "ipv6");

/** @param address as a resolver returns it. A text that is not an address is refused */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !special.check(address, "ipv4");
  // A zone (`fe80::1%eth0`) names a link of this machine.
  if (!isIPv6(address) || address.includes("%")) return false;
  return given.check(address, "ipv6") && !special.check(address, "ipv6");
}
