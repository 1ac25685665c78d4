// The caller's address: CF-Connecting-IP alone (X-Forwarded-For is what the caller says of itself), compared against a key's
// CIDRs, and cut before it is written anywhere. docs/API_DOCUMENTATION.md#keys, E7.
// Every event pays for this, so the usual spellings are read by hand; ipaddr.js reads the rare ones (`::ffff:1.2.3.4`, zones).

import ipaddr from "ipaddr.js";

/** A key's CIDRs, parsed when its record is read. */
export interface Networks {
  v4: readonly { network: number; mask: number }[];
  v6: readonly { groups: readonly number[]; bits: number }[];
}

const V6_GROUPS = 8;
const GROUP_BITS = 16;
/** Groups of a v4-mapped address before its 32 bits: `::ffff:0:0/96`. */
const MAPPED = [0, 0, 0, 0, 0, 0xffff];

/** The last address that was read: 32 bits, or eight groups. One a request, and nothing is awaited in between. */
let v4 = 0;
const v6 = new Uint16Array(V6_GROUPS);

/** @returns null when the key restricts nothing. A CIDR that is none was refused on entry; here it allows nobody. */
export function compileNetworks(cidrs: readonly string[]): Networks | null {
  if (cidrs.length === 0) return null;
  const networks = { v4: [] as Networks["v4"][number][], v6: [] as Networks["v6"][number][] };
  for (const cidr of cidrs) {
    if (!ipaddr.isValidCIDR(cidr)) continue;
    const [address, bits] = ipaddr.parseCIDR(cidr);
    if (address instanceof ipaddr.IPv6) networks.v6.push({ groups: address.parts, bits });
    else networks.v4.push(v4Network(address.toByteArray(), bits));
  }
  return networks;
}

function v4Network(bytes: readonly number[], bits: number): { network: number; mask: number } {
  const mask = bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
  const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  return { network: (value & mask) >>> 0, mask };
}

/** With networks, an address that is missing or unreadable is not allowed. */
export function addressAllowed(networks: Networks, address: string | null): boolean {
  switch (address === null ? 0 : readAddress(address)) {
    case 4:
      return networks.v4.some(({ network, mask }) => (v4 & mask) >>> 0 === network);
    case 6:
      return networks.v6.some(({ groups, bits }) => isWithin(groups, bits));
    default:
      return false;
  }
}

function isWithin(groups: readonly number[], bits: number): boolean {
  let left = bits;
  for (let at = 0; left > 0; at++, left -= GROUP_BITS) {
    const shift = Math.max(0, GROUP_BITS - left);
    if ((v6[at] as number) >> shift !== (groups[at] as number) >> shift) return false;
  }
  return true;
}

/** The address with its host part zeroed (/24, /48), or null when it is no address. */
export function cutAddress(address: string | null): string | null {
  switch (address === null ? 0 : readAddress(address)) {
    case 4:
      return `${v4 >>> 24}.${(v4 >>> 16) & 255}.${(v4 >>> 8) & 255}.0`;
    case 6:
      return cutV6();
    default:
      return null;
  }
}

/** As RFC 5952 writes it: the five groups of zeros at the end, and those they touch, are the longest run. */
function cutV6(): string {
  const [first = 0, second = 0, third = 0] = v6;
  if (third !== 0) return `${first.toString(16)}:${second.toString(16)}:${third.toString(16)}::`;
  if (second !== 0) return `${first.toString(16)}:${second.toString(16)}::`;
  return first === 0 ? "::" : `${first.toString(16)}::`;
}

/**
 * Reads into `v4` or `v6`. v4-mapped v6 is reduced to v4. Only four decimal parts are v4: `1`, `0x7f.1` and `010.0.0.1`,
 * which ipaddr.js would take, are no addresses.
 * @returns the version; 0 for what is no address.
 */
function readAddress(text: string): 0 | 4 | 6 {
  const trimmed = text.trim();
  const isV6 = trimmed.includes(":");
  if (!isV6) return readV4(trimmed) ? 4 : 0;
  if (/^[0-9a-f:]+$/i.test(trimmed) ? !readV6(trimmed) : !readOddV6(trimmed)) return 0;
  for (let at = 0; at < MAPPED.length; at++) if (v6[at] !== MAPPED[at]) return 6;
  v4 = (((v6[6] as number) << GROUP_BITS) | (v6[7] as number)) >>> 0;
  return 4;
}

const ZERO = 0x30;
const DOT = 0x2e;
const COLON = 0x3a;

function readV4(text: string): boolean {
  let value = 0;
  let part = -1;
  let parts = 0;
  for (let at = 0; at <= text.length; at++) {
    const unit = at === text.length ? DOT : text.charCodeAt(at);
    if (unit === DOT) {
      if (part < 0 || ++parts > 4) return false;
      value = value * 256 + part;
      part = -1;
      continue;
    }
    const digit = unit - ZERO;
    // No leading zeros: some readers take them for octal.
    if (digit < 0 || digit > 9 || part === 0) return false;
    part = part < 0 ? digit : part * 10 + digit;
    if (part > 255) return false;
  }
  v4 = value;
  return parts === 4;
}

/** Only hexadecimal digits and colons. */
function readV6(text: string): boolean {
  let count = 0;
  /** Where `::` stands, in groups. */
  let gap = -1;
  let at = 0;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false;
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    if (count === V6_GROUPS) return false;
    const colon = text.indexOf(":", at);
    const end = colon < 0 ? text.length : colon;
    if (end === at || end - at > 4) return false;
    v6[count++] = Number.parseInt(text.slice(at, end), 16);
    if (colon < 0) break;
    at = colon + 1;
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return false;
      gap = count;
      at++;
    } else if (at === text.length) return false;
  }
  if (gap < 0) return count === V6_GROUPS;
  if (count === V6_GROUPS) return false;
  v6.copyWithin(V6_GROUPS - (count - gap), gap, count);
  v6.fill(0, gap, V6_GROUPS - (count - gap));
  return true;
}

function readOddV6(text: string): boolean {
  if (!ipaddr.IPv6.isValid(text)) return false;
  v6.set(ipaddr.IPv6.parse(text).parts);
  return true;
}
