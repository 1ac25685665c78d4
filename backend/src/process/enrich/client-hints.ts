// Reads user-agent client hints. Chromium describes itself in them because its user agent is frozen. They come from
// `context.userAgentData`, if the library asked for them, or from the `Sec-CH-UA…` headers that the edge forwards.
// https://wicg.github.io/ua-client-hints/

import type { ClientHints, JsonObject } from "@behaviour/contract";
import { cleanText } from "../../clean-text.ts";
import { scalarText, textOrNull } from "./text.ts";

export interface BrowserHints {
  /** The most specific brand: "Chromium" only if no other is named, never a made-up one that tests parsers ("Not A;Brand"). */
  brand: { name: string; version: string | null } | null;
  isMobile: boolean | null;
  platform: string | null;
  /** Only if the library asked for it. */
  platformVersion: string | null;
}

/** Reads Segment's `context.userAgentData`. */
export function readUserAgentData(data: JsonObject): BrowserHints {
  const brands = Array.isArray(data["brands"]) ? data["brands"].slice(0, BRANDS_MAX) : [];
  const named = brands.flatMap((one: unknown) => {
    const { brand, version } = (typeof one === "object" && one !== null ? one : {}) as JsonObject;
    return typeof brand === "string" ? [{ name: brand, version: scalarText(version) }] : [];
  });
  return {
    brand: tellingBrand(named),
    isMobile: typeof data["mobile"] === "boolean" ? data["mobile"] : null,
    platform: textOrNull(data["platform"]),
    platformVersion: textOrNull(data["platformVersion"]),
  };
}

const BRANDS_MAX = 8;
const BRAND = /"((?:[^"\\]|\\.){1,64})"\s?;\s?v="([\d.]{1,32})"/g;

/** Reads the request's headers. */
export function readHintHeaders({ brands, mobile, platform }: ClientHints): BrowserHints {
  const named = [...(brands ?? "").slice(0, 512).matchAll(BRAND)].map(([, name = "", version = ""]) => ({
    name: cleanText(name),
    version,
  }));
  return {
    brand: tellingBrand(named),
    isMobile: mobile === "?1" ? true : mobile === "?0" ? false : null,
    platform: textOrNull(cleanText((platform ?? "").slice(0, 64)).replaceAll('"', "")),
    platformVersion: null,
  };
}

/** "Not-A.Brand", " Not;A Brand", "Not/A)Brand": the words stay, the characters between them change with every version. */
const MADE_UP = /^[^A-Za-z]*not[^A-Za-z]{1,3}a[^A-Za-z]{0,3}brand/i;

function tellingBrand(brands: readonly { name: string; version: string | null }[]): BrowserHints["brand"] {
  const real = brands.filter(({ name }) => !MADE_UP.test(name));
  const own = real.find(({ name }) => name !== "Chromium") ?? real[0];
  return own === undefined ? null : { name: BROWSERS[own.name] ?? own.name, version: own.version };
}

/** Maps a brand to the name that the user agent's parser gives the browser. */
const BROWSERS: Readonly<Record<string, string>> = {
  "Google Chrome": "Chrome",
  "Microsoft Edge": "Edge",
  "Microsoft Edge WebView2": "Edge",
  "Samsung Internet": "Samsung Browser",
  "Opera GX": "Opera",
  HeadlessChrome: "Chrome Headless",
};
