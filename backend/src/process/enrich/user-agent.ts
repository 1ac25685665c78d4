// The device, operating system and browser behind an event, and whether it says of itself that it is a bot.
// `context.userAgent` wins over the request's header: servers and proxies send on behalf of others.

import { isbot } from "isbot";
import { UAParser } from "ua-parser-js";
import { BoundedCache } from "../bounded-cache.ts";
import { cleanText } from "../sanitize.ts";
import { objectAt, scalarText, textOrNull } from "./text.ts";

export interface UserAgent {
  device: string | null;
  os: string | null;
  osVersion: string | null;
  browser: string | null;
  browserVersion: string | null;
  isBot: boolean;
}

const UNKNOWN: UserAgent = {
  device: null,
  os: null,
  osVersion: null,
  browser: null,
  browserVersion: null,
  isBot: false,
};

/** A parse costs some 50 µs, a hit a tenth of one; a busy project sees a few thousand strings a day. */
const CACHE_ENTRIES = 20_000;
/** Longer ones are no browser's; the parser itself looks no further. */
const MAX_CHARS = 500;

const cache = new BoundedCache<UserAgent>(CACHE_ENTRIES);

export function readUserAgent(context: Record<string, unknown>, header: string | null, isServer: boolean): UserAgent {
  const own = textOrNull(context.userAgent);
  const parsed = own !== null ? parse(own) : headerSpeaksForUser(context, header, isServer) ? parse(header) : UNKNOWN;
  return withNativeContext(parsed, context);
}

/**
 * A server's library sends its own name as user agent ("analytics-python/2.2"), which says nothing about the person and
 * looks like a bot's: it is used only when it comes from a browser, or from something that uses no library at all.
 */
function headerSpeaksForUser(
  context: Record<string, unknown>,
  header: string | null,
  isServer: boolean,
): header is string {
  if (header === null || header === "" || isServer) return false;
  return header.startsWith("Mozilla/") || objectAt(context, "library") === null;
}

function parse(userAgent: string): UserAgent {
  const key = userAgent.length > MAX_CHARS ? userAgent.slice(0, MAX_CHARS) : userAgent;
  let parsed = cache.get(key);
  if (parsed === undefined) {
    parsed = parseUncached(cleanText(key));
    cache.set(key, parsed);
  }
  return parsed;
}

function parseUncached(userAgent: string): UserAgent {
  const { device, os, browser } = new UAParser(userAgent).getResult();
  return {
    device: deviceClass(device.type, os.name),
    os: os.name ?? null,
    osVersion: os.version ?? null,
    browser: browser.name ?? null,
    browserVersion: browser.version ?? null,
    isBot: isbot(userAgent),
  };
}

const DEVICE_CLASSES: Readonly<Record<string, string>> = {
  mobile: "mobile",
  tablet: "tablet",
  smarttv: "tv",
  console: "console",
  wearable: "wearable",
  embedded: "embedded",
};

const DESKTOP_OS = /^(Windows|Mac OS|Linux|Chromium OS|Ubuntu|Debian|Fedora|Arch|Mint|FreeBSD|OpenBSD|NetBSD|Solaris)$/;

/** The parser names no type for desktops. */
function deviceClass(type: string | undefined, os: string | undefined): string | null {
  if (type !== undefined) return DEVICE_CLASSES[type] ?? null;
  return os !== undefined && DESKTOP_OS.test(os) ? "desktop" : null;
}

/** Native SDKs know better than any user agent: `context.os` and `context.device` of Segment's spec. */
function withNativeContext(parsed: UserAgent, context: Record<string, unknown>): UserAgent {
  const os = objectAt(context, "os");
  const device = objectAt(context, "device");
  const osName = os === null ? null : textOrNull(os.name);
  const nativeDevice = device === null ? null : nativeDeviceClass(device);
  if (osName === null && nativeDevice === null) return parsed;
  return {
    ...parsed,
    ...(osName === null ? {} : { os: osName, osVersion: scalarText(os?.version) }),
    device: nativeDevice ?? parsed.device,
  };
}

function nativeDeviceClass(device: Record<string, unknown>): string | null {
  const type = textOrNull(device.type)?.toLowerCase();
  if (type === undefined) return null;
  if (type === "ios" || type === "android") {
    const model = textOrNull(device.model) ?? textOrNull(device.name) ?? "";
    return /ipad|tablet/i.test(model) ? "tablet" : "mobile";
  }
  if (type === "desktop") return "desktop";
  return DEVICE_CLASSES[type] ?? null;
}
