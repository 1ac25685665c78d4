// Checks the two restrictions of a key on entry, so that the edge only reads well-formed restrictions: origins (exact, or every
// subdomain of one host) and address ranges (IPv4 and IPv6 in CIDR notation). docs/API_DOCUMENTATION.md#keys.

import { isIPv4, isIPv6 } from "node:net";

const WILDCARD_PREFIX = "https://*.";
const HOST_LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;
const HOST_MAX_LENGTH = 253;
const IPV4_BITS = 32;
const IPV6_BITS = 128;

/**
 * The origin in the spelling browsers send, or null. `https://*.example.com` stands for one or more labels before
 * `example.com` and never for `example.com` itself.
 */
export function normaliseOrigin(text: string): string | null {
  if (text.toLowerCase().startsWith(WILDCARD_PREFIX)) return normaliseWildcard(text.slice(WILDCARD_PREFIX.length));
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return null;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  // If the parser dropped or added a part (a path, credentials, a tab), the text is not an origin. A default port is removed.
  const spelled = text.toLowerCase();
  const withDefaultPort = `${url.origin}:${url.protocol === "https:" ? 443 : 80}`;
  if (spelled !== url.origin && spelled !== withDefaultPort) return null;
  return isHost(url.hostname) ? url.origin : null;
}

function normaliseWildcard(host: string): string | null {
  const spelled = host.toLowerCase();
  // At least two labels: `https://*.com` would open a key to everybody.
  return spelled.includes(".") && isHost(spelled) && !isIPv4(spelled) ? `${WILDCARD_PREFIX}${spelled}` : null;
}

function isHost(host: string): boolean {
  if (host.startsWith("[")) return isIPv6(host.slice(1, -1));
  return host.length <= HOST_MAX_LENGTH && host.split(".").every((label) => HOST_LABEL.test(label));
}

/** The range as given, or null: an address, a slash and a prefix length; a single address is `/32` or `/128`. */
export function normaliseCidr(text: string): string | null {
  const match = /^([0-9a-fA-F:.]{2,45})\/(0|[1-9]\d{0,2})$/.exec(text);
  if (match === null) return null;
  const [address, bits] = [match[1] ?? "", Number(match[2])];
  if (isIPv4(address)) return bits <= IPV4_BITS ? text : null;
  if (!isIPv6(address) || bits > IPV6_BITS) return null;
  // The edge converts a v4-mapped address to v4, so a range of mapped addresses would never match.
  return /^::ffff:/i.test(address) ? null : text.toLowerCase();
}
