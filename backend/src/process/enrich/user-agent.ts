// Finds the device, operating system and browser of an event, and whether a bot sent it (./bot.ts).
// `context.userAgent` wins over the request's header, because servers and proxies send on behalf of others. Client hints
// refine the user agent that they came with.

import type { RequestSource } from "@behaviour/contract";
import { UAParser } from "ua-parser-js";
import { BoundedCache } from "../../bounded-cache.ts";
import { cleanText } from "../../clean-text.ts";
import { isBotAgent, isBotBrand } from "./bot.ts";
import { type BrowserHints, readHintHeaders, readUserAgentData } from "./client-hints.ts";
import { objectAt, scalarText, textOrNull } from "./text.ts";

export interface UserAgent {
  device: string | null;
  os: string | null;
  osVersion: string | null;
  browser: string | null;
  browserVersion: string | null;
  isBot: boolean;
}

export const UNKNOWN_AGENT: UserAgent = {
  device: null,
  os: null,
  osVersion: null,
  browser: null,
  browserVersion: null,
  isBot: false,
};

/** A parse costs some 50 µs, a hit in the cache a tenth of a microsecond. A busy project sees a few thousand strings a day. */
const CACHE_ENTRIES = 20_000;
/** No browser sends a longer user agent, and the parser itself reads no further. */
const MAX_CHARS = 500;

const cache = new BoundedCache<UserAgent>(CACHE_ENTRIES);

export function readUserAgent(
  context: Record<string, unknown>,
  source: Pick<RequestSource, "userAgent" | "clientHints">,
  isServer: boolean,
): UserAgent {
  return withNativeContext(readAgent(context, source, isServer), context);
}

function readAgent(
  context: Record<string, unknown>,
  { userAgent: header, clientHints }: Pick<RequestSource, "userAgent" | "clientHints">,
  isServer: boolean,
): UserAgent {
  const own = textOrNull(context.userAgent);
  const data = objectAt(context, "userAgentData");
  if (own !== null || data !== null) {
    const parsed = own === null ? UNKNOWN_AGENT : parse(own);
    return data === null ? parsed : withHints(parsed, readUserAgentData(data));
  }
  if (!headerSpeaksForUser(context, header, isServer)) return UNKNOWN_AGENT;
  return clientHints === undefined ? parse(header) : withHints(parse(header), readHintHeaders(clientHints));
}

/** Windows 11 still calls itself 10 in its user agent. Its platform version in the hints is 13 or above. */
const WINDOWS_11_SINCE = 13;

function withHints(parsed: UserAgent, { brand, isMobile, platform, platformVersion }: BrowserHints): UserAgent {
  const hinted = { ...parsed };
  if (brand !== null && brand.name !== "Chromium" && !isSameBrowser(parsed.browser, brand.name)) {
    hinted.browser = brand.name;
    hinted.browserVersion = brand.version;
  }
  if (isBotBrand(brand)) hinted.isBot = true;
  const os = platform === null ? null : platform === "macOS" ? "Mac OS" : platform;
  hinted.os ??= os;
  if (os !== null && os === hinted.os && platformVersion !== null) hinted.osVersion = versionOf(os, platformVersion);
  const isAndroid = hinted.os === "Android";
  if (isMobile === true && (parsed.device === null || parsed.device === "desktop")) hinted.device = "mobile";
  if (isMobile === false && isAndroid && parsed.device === "mobile") hinted.device = "tablet";
  if (hinted.device === null) hinted.device = deviceClass(undefined, hinted.os ?? undefined);
  return hinted;
}

/** "Mobile Chrome", "Chrome WebView": the parser's name is more precise than the brand. */
function isSameBrowser(parsed: string | null, brand: string): boolean {
  return parsed?.includes(brand) === true;
}

function versionOf(os: string, platformVersion: string): string {
  if (os !== "Windows") return platformVersion;
  return Number.parseInt(platformVersion, 10) >= WINDOWS_11_SINCE ? "11" : "10";
}

/**
 * A server's library sends its own name as user agent ("analytics-python/2.2"). It says nothing about the person and looks
 * like a bot. The header is used only if it comes from a browser, or from a client that uses no library.
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
    isBot: isBotAgent(userAgent),
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

/** Values of native SDKs are more precise than any user agent: `context.os` and `context.device` of Segment's spec. */
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
