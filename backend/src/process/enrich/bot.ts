// Detects user agents that identify themselves as programs. The result is a flag, and no event is dropped: readers of the data
// decide what to leave out.

import { isbot } from "isbot";
import type { BrowserHints } from "./client-hints.ts";

export function isBotAgent(userAgent: string): boolean {
  return isbot(userAgent);
}

/** A headless browser may send an ordinary user agent but still names its brand. */
export function isBotBrand(brand: BrowserHints["brand"]): boolean {
  return brand?.name === HEADLESS_CHROME;
}

/** The name that ./client-hints.ts gives the brand. */
const HEADLESS_CHROME = "Chrome Headless";
