// Cuts IP addresses within an event like the caller's own address, before anything is written. `context.ip` is trusted with a
// secret key only. docs/API_DOCUMENTATION.md#sending-events, E7.
//
// Version numbers look like IPv4 addresses (Chrome 130.0.0.0), and a value that is cut by mistake is permanently lost. So a text
// counts as an IPv4 address only if its key says so. The form of an IPv6 address is sufficient evidence.

import { isObject, type JsonObject } from "@behaviour/contract";
import { cutAddress } from "../access/address.ts";

const ZERO = 0x30;
const NINE = 0x39;
const DOT = 0x2e;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const SHORTEST = 3;
/** Digits of the first part, and the dot or colon after them. */
const FIRST_PART = 5;

/** A cheap test, never false for a text in which `cutAddresses` would cut. Almost every text fails at its first character. */
export function mayBeAddress(text: string): boolean {
  const first = text.charCodeAt(0);
  const isDigit = first >= ZERO && first <= NINE;
  if (!isDigit && first !== COLON && first !== OPEN_BRACKET && !isHexLetter(first)) return false;
  if (text.length < SHORTEST) return false;
  for (let at = 0; at <= FIRST_PART; at++) {
    const unit = text.charCodeAt(at);
    if (unit === COLON) return true;
    if (unit === DOT) return isDigit && text.indexOf(".", at + 1) > 0;
  }
  return false;
}

function isHexLetter(unit: number): boolean {
  const lower = unit | 0x20;
  return lower >= 0x61 && lower <= 0x66;
}

/** @returns a copy with every address cut, and `context.ip` only with a secret key; the same object if it has no address. */
export function cutAddresses(event: JsonObject, isSecret: boolean): JsonObject {
  const cut = cutObject(event, false);
  const { context } = cut;
  if (!isObject(context) || !("ip" in context)) return cut;
  const { ip, ...rest } = context;
  const own = isSecret && typeof ip === "string" ? cutAddress(ip) : null;
  return { ...cut, context: own === null ? rest : { ...rest, ip: own } };
}

/** Ids become surrogates, so they are not searched. */
const IDS: ReadonlySet<string> = new Set(["messageId", "userId", "anonymousId", "groupId", "previousId"]);

function cutObject(object: JsonObject, isNested: boolean): JsonObject {
  let copy: JsonObject | null = null;
  for (const key of Object.keys(object)) {
    if (!isNested && IDS.has(key)) continue;
    const value = object[key];
    const next = cutValue(value, key);
    if (next === value) continue;
    copy ??= { ...object };
    copy[key] = next;
  }
  return copy ?? object;
}

/** @param key the value's key; for an item of a list, the list's key. */
function cutValue(value: unknown, key: string): unknown {
  if (typeof value === "string") return mayBeAddress(value) ? cutText(value, key) : value;
  if (Array.isArray(value)) {
    const next = value.map((item) => cutValue(item, key));
    return next.some((item, index) => item !== value[index]) ? next : value;
  }
  return isObject(value) ? cutObject(value, true) : value;
}

/** Whether a text that begins like an address is cut under this key. */
export function cutsAddress(text: string, key: string): boolean {
  return cutText(text, key) !== text;
}

/** Accepts the form of `X-Forwarded-For`: several addresses, with or without ports. */
function cutText(text: string, key: string): string {
  const isNamed = isAddressName(key);
  // The three groups of an IPv6 address have two colons between them. An IPv4 address has only the colon before its port.
  if (!isNamed && text.indexOf(":", text.indexOf(":") + 1) <= 0) return text;
  const parts = text.split(",");
  const cut = parts.map((part) => {
    const address = withoutPort(part.trim());
    if (!isNamed && !isPlainV6(address)) return part;
    return cutAddress(address) ?? part;
  });
  return cut.join(",");
}

/** `203.0.113.7:443`, `[2001:db8::7]:443`. */
function withoutPort(text: string): string {
  const bracketed = /^\[([0-9a-f:.]{2,45})\](?::\d{1,5})?$/i.exec(text);
  if (bracketed !== null) return bracketed[1] as string;
  return /^[\d.]{7,15}:\d{1,5}$/.test(text) ? text.slice(0, text.indexOf(":")) : text;
}

const SHORTEST_V6 = 7;
const LONGEST_V6 = 45;
const PERCENT = 0x25;

/** Requires at least three groups, because `dead::beef` can be a name in a program. */
function isPlainV6(text: string): boolean {
  if (text.length < SHORTEST_V6 || text.length > LONGEST_V6) return false;
  let groups = 0;
  let isInGroup = false;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === COLON) isInGroup = false;
    else if ((unit >= ZERO && unit <= NINE) || isHexLetter(unit) || unit === DOT || unit === PERCENT) {
      if (!isInGroup) groups++;
      isInGroup = true;
    } else return false;
  }
  return groups > 2;
}

const WORDS = /[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g;
const ADDRESS_WORDS: ReadonlySet<string> = new Set([
  "ip",
  "ips",
  "ipv",
  "ipaddress",
  "ipaddr",
  "ipaddresses",
  "addr",
  "address",
  "addresses",
  "clientip",
  "userip",
  "realip",
  "remoteip",
  "remote",
  "forwarded",
]);
/** Longer keys are truncated: no name of an address is that long. */
const LONGEST_NAME = 128;

/** The last key and its result are cached, because all items of a list have the same key. */
let lastName = "";
let isLastNamed = false;

/** `ip`, `ipAddress`, `ip_address`, `clientIP`, `x-forwarded-for`, `ipv4`. */
function isAddressName(key: string): boolean {
  if (key === lastName) return isLastNamed;
  const words = key.slice(0, LONGEST_NAME).match(WORDS) ?? [];
  isLastNamed = words.some((word) => ADDRESS_WORDS.has(word.toLowerCase()));
  lastName = key;
  return isLastNamed;
}
