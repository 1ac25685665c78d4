// Cuts the IP address that a server names in `context.ip` to /24 or /48 (E7). The edge cuts the caller's own address the
// same way.

import { isIPv4, isIPv6 } from "node:net";

/** The address with its host part zeroed, or null if it is not an address. A v4-mapped v6 address is cut as v4. */
export function cutNamedAddress(address: unknown): string | null {
  if (typeof address !== "string") return null;
  const text = address.trim();
  if (isIPv4(text)) return cutV4(text);
  // A zone (`fe80::1%eth0`) names an interface of the sender's machine.
  if (text.includes("%") || !isIPv6(text)) return null;
  const groups = v6Groups(text);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) {
    const high = groups[6] ?? 0;
    const low = groups[7] ?? 0;
    return `${high >> 8}.${high & 255}.${low >> 8}.0`;
  }
  const kept = groups.slice(0, 3).map((group) => group.toString(16));
  while (kept.at(-1) === "0") kept.pop();
  return `${kept.join(":")}::`;
}

function cutV4(address: string): string {
  return `${address.slice(0, address.lastIndexOf("."))}.0`;
}

/** The eight groups of a valid IPv6 address. */
function v6Groups(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const front = groupsOf(head);
  if (tail === undefined) return front;
  const back = groupsOf(tail);
  return [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
}

function groupsOf(part: string): number[] {
  if (part === "") return [];
  return part.split(":").flatMap((group) => {
    if (!group.includes(".")) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
