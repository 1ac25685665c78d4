// The caller's address: CF-Connecting-IP alone (X-Forwarded-For is what the caller says of itself), compared against a key's
// CIDRs, and cut before it is written anywhere. API.md §2, DESIGN E7.

import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** v4-mapped v6 is reduced to v4. Only four decimal parts are v4: `ipaddr.isValid` takes `1`, `0x7f.1` and `010.0.0.1`. */
function parseAddress(text: string): Address | null {
  const trimmed = text.trim();
  if (ipaddr.IPv4.isValidFourPartDecimal(trimmed)) return ipaddr.IPv4.parse(trimmed);
  if (!trimmed.includes(":") || !ipaddr.IPv6.isValid(trimmed)) return null;
  const v6 = ipaddr.IPv6.parse(trimmed);
  return v6.isIPv4MappedAddress() ? v6.toIPv4Address() : v6;
}

/** An empty list allows every address; with a list, an address that is missing or unreadable is not allowed. */
export function addressAllowed(cidrs: readonly string[], address: string | null): boolean {
  if (cidrs.length === 0) return true;
  const parsed = address === null ? null : parseAddress(address);
  if (parsed === null) return false;
  return cidrs.some((cidr) => inRange(parsed, cidr));
}

function inRange(address: Address, cidr: string): boolean {
  let range: [Address, number];
  try {
    range = ipaddr.parseCIDR(cidr);
  } catch {
    return false; // Refused on entry by the control plane; one that got in all the same allows nobody.
  }
  const [network, bits] = range;
  if (network.kind() !== address.kind()) return false;
  return network instanceof ipaddr.IPv4
    ? (address as ipaddr.IPv4).match(network, bits)
    : (address as ipaddr.IPv6).match(network, bits);
}

const KEPT_V4_BYTES = 3;
const KEPT_V6_BYTES = 6;

/** The address with its host part zeroed (/24, /48), or null when it is no address. */
export function cutAddress(address: string | null): string | null {
  const parsed = address === null ? null : parseAddress(address);
  if (parsed === null) return null;
  const kept = parsed.kind() === "ipv4" ? KEPT_V4_BYTES : KEPT_V6_BYTES;
  const bytes = parsed.toByteArray().map((byte, index) => (index < kept ? byte : 0));
  return ipaddr.fromByteArray(bytes).toString();
}
