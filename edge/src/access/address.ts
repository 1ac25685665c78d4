// Compares the caller's address with a key's CIDRs, and zeroes its host part before it is written anywhere. The address is
// CF-Connecting-IP alone, because the caller can set X-Forwarded-For. docs/API_DOCUMENTATION.md#keys, E7.
// This runs for every event, so usual spellings are parsed by hand. ipaddr.js parses rare spellings (`::ffff:1.2.3.4`, zones).

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

/** The address that was parsed last: 32 bits, or eight groups. Nothing is awaited between parsing an address and using it. */
let v4 = 0;
const v6 = new Uint16Array(V6_GROUPS);

/** @returns null if the key has no CIDRs. An invalid CIDR was refused on entry; here it matches no address. */
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

/** @returns false if the address is missing or invalid. */
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

/** @returns the address with its host part zeroed (/24, /48), or null if the text is not an address. */
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

/** In the form of RFC 5952. The longest run of zeros is the five zero groups at the end, and the zero groups next to them. */
function cutV6(): string {
  const [first = 0, second = 0, third = 0] = v6;
  if (third !== 0) return `${first.toString(16)}:${second.toString(16)}:${third.toString(16)}::`;
  if (second !== 0) return `${first.toString(16)}:${second.toString(16)}::`;
  return first === 0 ? "::" : `${first.toString(16)}::`;
}

/**
 * Parses into `v4` or `v6`. A v4-mapped v6 address is reduced to v4. A v4 address must have four decimal parts: `1`, `0x7f.1`
 * and `010.0.0.1` are invalid here, although ipaddr.js accepts them.
 * @returns the version; 0 if the text is not an address.
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
    // No leading zeros, because some parsers read them as octal.
    if (digit < 0 || digit > 9 || part === 0) return false;
    part = part < 0 ? digit : part * 10 + digit;
    if (part > 255) return false;
  }
  v4 = value;
  return parts === 4;
}

/** `text` contains only hexadecimal digits and colons. */
function readV6(text: string): boolean {
  let count = 0;
  /** Number of groups before `::`. */
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
